# Intervals hold the figure and depend on the seed alone; folds do not mix
# with them.
cp "$FIX/pairs.mmt" .
mmtool eval retrieval --embeddings --ci 0.95 pairs.mmt >a
mmtool eval retrieval --embeddings --ci 0.95 -j 1 pairs.mmt | cmp - a
mmtool eval retrieval --embeddings --ci 0.95 --seed 1 pairs.mmt >b
cmp -s a b || echo another seed, another interval
mmtool eval retrieval --embeddings --ci 0.95 --json pairs.mmt |
	tr '{' '\n' | grep -c level
mmtool eval retrieval --embeddings --ci 0.95 --folds 2 pairs.mmt
echo "= $?"
mmtool eval retrieval --embeddings --folds 17 pairs.mmt
