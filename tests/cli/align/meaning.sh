# Scores, limits and new pairs by a model that knows the shapes.
cp -r "$FIX/photos" "$FIX/captions.txt" .
mmtool vocab -q --type clip --size 547 captions.txt -o words
mmtool preprocess -q --preset hf-clip --image-size 32 --tokenizer words \
	--max-length 16 photos -o data.mmt
mmtool train -q --preset tiny --tokenizer words -B 16 --epochs 60 -o run data.mmt
# table NAME: the pictures in order with captions from standard input
table() {
	{ printf 'image\ttext\n'; ls photos/*.png | paste - -d '\t' "$1"; } >"$2"
}
# right: how many pairs belong together, of how many
right() {
	mmtool view --rows 99 --column id --column text "$1" |
		awk -F '\t' '{ c = $1; sub(/.*\//, "", c); sub(/.png$/, "", c)
			sub(/-/, " ", c); n++; ok += $2 == "a " c }
			END { print ok + 0, "of", n + 0 }'
}
table captions.txt good.tsv
sort -r captions.txt >reverse
table reverse reverse.tsv
sed '2s/.*/an invoice/; 7s/.*/terms apply/; 12s/.*/read more/' reverse >foul
table foul foul.tsv
sed '5d; 9d' captions.txt >less
{ sed '3s/$/\nan aside/' less && echo the end; } >in-order
table in-order in-order.tsv
echo "== one pass: the same rows and a score"
mmtool align meaning -q -m run good.tsv -o s.mmt && right s.mmt
mmtool align meaning -q -m run -j 1 -B 3 - <good.tsv --kind tsv -o s1.mmt
mmtool view --column id --column score s.mmt >s && mmtool view --column id --column score s1.mmt | cmp - s
mmtool embed -q --both -m run data.mmt | mmtool align meaning -q - | mmtool view --stats --column score - >/dev/null && echo embeddings
for i in 0 1 2; do mmtool align meaning -q -m run --shard $i/3 data.mmt | mmtool view --column id -; done | sort >shards
mmtool view --column id data.mmt | cmp - shards && echo shards
echo "== limits"
mmtool align meaning -m run --min 1.1 good.tsv | right -
mmtool align meaning -m run --top 0.25 good.tsv | right -
cat good.tsv | mmtool align meaning -q -m run --top 0.5 --kind tsv - | right -
mmtool align meaning -q -m run --min 0.3 reverse.tsv | right -
mmtool align meaning -q -m run --criterion csls --neighbours 3 --top 0.5 good.tsv | right -
mmtool align meaning -q -m run --criterion margin --neighbours 3 --min 1 reverse.tsv | right -
echo "== pairs anew"
mmtool align meaning -q -m run --rematch set reverse.tsv -o r.mmt && right r.mmt
# good WANTED: all that can be right are, and no more than two besides.
good() {
	right "$2" | awk -v want="$1" '{
		print ($1 == want && $3 <= want + 2 ? "recall 1, precision good" : $0) }'
}
mmtool align meaning -q -m run --rematch set --dropped d.tsv foul.tsv -o r.mmt && good 13 r.mmt
awk 'NR > 1 { n[$2]++ } END { print (n["image"] > 0 && n["image"] == n["text"] ? "even" : "uneven") }' d.tsv
cat foul.tsv | mmtool align meaning -q -m run --rematch set --kind tsv - >p.mmt && good 13 p.mmt && cmp p.mmt r.mmt
mmtool align meaning -q -m run --rematch monotone in-order.tsv -o r.mmt && good 14 r.mmt
mmtool align meaning -q -m run --rematch monotone --local --gap 0.1 in-order.tsv -o r.mmt && good 14 r.mmt
echo "== columns go with their side"
mmtool align meaning -q -m run --rematch set data.mmt -o r.mmt
for c in id text ids image; do
	mmtool view --column $c data.mmt >a
	mmtool view --column $c r.mmt | cmp - a && echo $c
done
echo "== bad samples"
printf 'image\ttext\nphotos/red-cross.png\ta red cross\nno.png\tx\nbad.png\ty\n' >bad.tsv
echo no >bad.png
mmtool align meaning -m run bad.tsv -o x.mmt
for o in '' '--top 1' '--rematch set'; do
	mmtool align meaning -m run $o --on-error skip --report rep.tsv bad.tsv 2>log | mmtool view --column id -
	grep -c 'of 3 samples skipped' log
	cut -f 1,2 rep.tsv
done
mmtool align meaning good.tsv
mmtool align meaning data.mmt
mmtool align meaning -m run --rematch set --top 0.5 good.tsv
mmtool align meaning -m run --gap 1 good.tsv
mmtool align meaning -m run --dropped d good.tsv
mmtool align meaning -m run --top 2 good.tsv
ls x.mmt 2>&1 | grep -c 'No such'
