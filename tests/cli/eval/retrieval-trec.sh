# Rankings and judgements that eval trec reads give the same figures; names
# with blanks stay whole.
cp "$FIX/pairs.mmt" .
mmtool eval retrieval --embeddings --run run --qrels qrels \
	--side text_to_image --json pairs.mmt | tr ',' '\n' | grep -A9 text_to
mmtool eval trec -m recip_rank -m ndcg_cut.10 -m success.1,5,10 qrels run
mmtool eval retrieval --embeddings --run run --qrels qrels --depth 1 \
	pairs.mmt >table
wc -l <run
cut -d / -f 1 run | sort | uniq -c
head -n 1 qrels
