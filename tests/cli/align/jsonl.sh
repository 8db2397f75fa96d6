# JSON lines: lists of captions, boxes and phrases, time, labels
cp "$FIX/photos/red-circle.png" p.png
cat >a.jsonl <<'X'
{"id": 5, "image": "p.png", "captions": ["one", "two"], "boxes": [[1, 2, 3, 4.5]], "phrases": ["a\nb"], "time": [0, 1.5], "label": "cat"}

{"id": "6", "image_path": "p.png", "caption": "three", "boxes": [], "start": 2, "end": 3, "label": 7}
X
mmtool align pairs a.jsonl | mmtool view --column id --column text --column image.id --column boxes --column phrases --column time --column label -
# names may be given
printf '{"key": "k", "src": "p.png", "de": "eins"}\n' >b.jsonl
mmtool align pairs --image-column src --text-column de b.jsonl | mmtool view --column id --column text -
