# figures, percentiles, near duplicates, flags
cp "$FIX"/photos/red-cross.png "$FIX"/photos/blue-circle.png .
cp red-cross.png again.png
cat >t.jsonl <<'J'
{"id": "a", "image": "red-cross.png", "text": "a red cross on a white ground"}
{"id": "b", "image": "again.png", "text": "again again again again again again"}
{"id": "c", "image": "blue-circle.png", "text": "ein blauer Kreis auf dem Bild"}
{"id": "d", "image": "blue-circle.png", "text": "IMG_1234"}
{"id": "e", "text": "no picture here, and that is fine"}
{"id": "f", "image": "red-cross.png"}
J
mmtool align quality t.jsonl -o t.mmt
for c in id quality.hash quality.group quality.language quality.flags quality.words quality.unique quality.repetition; do set -- "$@" --column $c; done
mmtool view "$@" t.mmt
mmtool view --column id --column quality.image --column quality.text t.mmt
flags() { mmtool align quality -q "$@" t.jsonl | mmtool view --column id --column quality.flags -; }
flags --duplicates --min-words 2 --language en --max-gap 40
flags --duplicates --min-side 33 --max-aspect 2 --min-chars 9 --drop
# the same from a pipe, for any group, thread and shard
mmtool align pairs -q "$FIX/photos" -o p.mmt && mmtool align quality -q p.mmt -o q.mmt >/dev/null
mmtool align quality -q -j 1 -B 1 - <p.mmt | cmp - q.mmt && echo pipe
for i in 0 1 2; do mmtool align quality -q --shard $i/3 p.mmt | mmtool view --column id --column quality.image --column quality.text -; done |
	sort >shards && mmtool view --column id --column quality.image --column quality.text q.mmt | sort | cmp - shards && echo shards
# the report
mmtool align quality -q --json t.jsonl | sed 's/"figures".*"languages"/"languages"/'
mmtool align quality -q --html r.html --json -o x.mmt t.jsonl | wc -l
grep -c '<svg' r.html && grep -o '<li>a, [^<]*' r.html && tail -c 8 r.html
# bad pictures, and none at all
echo no >no.png && echo '{"id": "x", "image": "no.png", "text": "x"}' >bad.jsonl
mmtool align quality bad.jsonl -o y.mmt
mmtool align quality --on-error skip --report bad.tsv bad.jsonl t.jsonl | mmtool view --column id - && cat bad.tsv
: >empty.tsv && mmtool align quality - - <t.jsonl
ls
