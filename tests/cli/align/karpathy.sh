# Karpathy's splits
p=$FIX/photos/red-circle.png
mkdir -p k/val2014 && cp "$p" k/val2014/a.png && cp "$p" k/b.png && cp "$p" k/val2014/c.png
cat >k/dataset.json <<'X'
{"images": [{"filepath": "val2014", "sentids": [7, 8], "filename": "a.png", "imgid": 0, "split": "test",
  "sentences": [{"tokens": ["a", "b"], "raw": "A b.", "imgid": 0, "sentid": 7}, {"tokens": ["c"], "raw": "C", "imgid": 0, "sentid": 8}], "cocoid": 391895},
 {"filename": "b.png", "imgid": 1, "split": "restval", "sentences": [{"raw": "plain", "sentid": 9}]},
 {"filepath": "val2014", "filename": "c.png", "imgid": 2, "split": "train", "sentences": [{"raw": "last", "sentid": 10}]}], "dataset": "coco"}
X
show() { mmtool align pairs "$@" k/dataset.json | mmtool view --column id --column text --column image.id --column image.path -; }
show
echo
show --split test
echo
show --split train,restval
echo
show --kind karpathy --root k
try() {
	printf '%s\n' "$1" >x.json
	mmtool align pairs --kind karpathy --root k x.json -o no.mmt
}
try '{"images": [{"filename": "b.png", "imgid": 1, "sentences": []}]}'
try '{"images": [{"imgid": 1, "sentences": [{"raw": "x"}]}]}'
try '{"images": [{"filename": "b.png", "sentences": [{"raw": 1.5}]}]}'
try '{"images": [{"filename": "b.png" "sentences": [{"raw": "x"}]}]}'
try '{"images": {}}'
try '{"imagez": []}'
