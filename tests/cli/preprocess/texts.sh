# texts without pictures
t() { mmtool preprocess --tokenizer "$DATA/words" "$@"; }
show() { mmtool view --column id --column ids --column text -; }
printf '\357\273\277a red circle\r\n\na blue square of the circle and of the cross' >plain.txt
t --text plain.txt | show
t --text - --max-length 0 <plain.txt | show
t --text plain.txt --max-length 3 | mmtool view --column ids --column mask -
printf '%s\n' '{"text": "red", "id": "x"}' '' '{"text": "blue\u0000green", "id": 7}' '{"text": "cross"}' >t.jsonl
t --text t.jsonl --max-length 0 | show
t --text t.jsonl --shard 1/2 | mmtool view --column id -
printf '%s\n' '{"text": "a", "id": "x"}' '{"text": 3}' '[' '{"text": "b", "id": "x"}' '{"text": "c", "id": []}' '{"text": "d"}' >bad.jsonl
t --text bad.jsonl -o o.mmt
t --text bad.jsonl --on-error skip --report r.tsv | show
cat r.tsv
printf 'good\nb\377d\n' >latin.txt
t --text latin.txt -o o.mmt
t --text plain.txt "$FIX/photos"
t
mmtool preprocess --text plain.txt
mmtool preprocess --no-images "$FIX/photos"
