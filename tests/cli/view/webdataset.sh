# a stream as a tar, and back
cp -r "$FIX/photos" . && mmtool align pairs photos -o p.mmt
mmtool view --to webdataset p.mmt -o p.tar && tar tf p.tar | head -n 4
tar xOf p.tar blue-cross.png | cmp - photos/blue-cross.png && echo bytes
mmtool align pairs p.tar | mmtool view --column id --column text --column image.id - >back
mmtool view --column id --column text --column image.id p.mmt | cmp - back && echo the same
# pixels become PNG; keys have no dots, and are not too long for ustar
mmtool view --to webdataset --rows 1 "$FIX/shapes.mmt" | tar tf -
long=$(printf 'd%.0s' $(seq 120))/$(printf 'n%.0s' $(seq 99)).x
cat >t.jsonl <<J
{"id": "a/b.c/d.e", "image": "photos/blue-cross.png", "text": "x", "label": "cat", "time": [0, 1.5], "boxes": [[1, 2, 3, 4], [0, 0, 1, 1]], "phrases": ["p q", "r"]}
{"id": "/../__x__", "image": "photos/blue-cross.png", "text": "a\nb"}
{"id": "$long", "image": "photos/blue-cross.png", "text": "ü"}
J
mmtool align pairs t.jsonl | mmtool view --to webdataset - >t.tar
tar tf t.tar | sed 's/d\{100,\}/D/; s/n\{80,\}/N/'
tar xOf t.tar a/b.c/d%2Ee.json a/b.c/d%2Ee.cls && echo
mmtool align pairs t.tar --id-column id | mmtool view --rows 1 --column id --column time --column boxes --column phrases --column text -
# shards
for i in 0 1 2 3; do mmtool view --to webdataset --shard $i/4 p.mmt -o s-$i.tar; done
mmtool align pairs 's-{0..3}.tar' | mmtool view --column id --column text --column image.id - | sort | cmp - back && echo shards
# what cannot be
mmtool view --to webdataset p.mmt -o p.tar.gz
mmtool view --shard 0/2 p.mmt
rm photos/red-cross.png && mmtool view --to webdataset p.mmt -o gone.tar
ls
