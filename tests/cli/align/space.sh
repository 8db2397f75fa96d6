# boxes: what is wrong with them, cut to the picture, and the way back
cp "$FIX"/photos/*.png .
cat >b.jsonl <<'J'
{"id": "a", "image": "red-cross.png", "text": "A  red\tcross, no ÉTÉ", "boxes": [[1, 2, 20, 30], [-4, 0, 4, 8], [40, 0, 50, 9], [5, 5, 5, 9], [0, 0, 32, 32]], "phrases": ["a red cross", "cross", "red c", "", "été"]}
{"id": "b", "image": "blue-cross.png", "text": "two", "boxes": []}
{"id": "c", "image": "blue-circle.png", "text": "three"}
J
mmtool align space --check b.jsonl
mmtool align space --check --json b.jsonl
mmtool align space b.jsonl -o cut.mmt && mmtool view --rows 1 --column boxes --column phrases cut.mmt
mmtool align space -q --min-visible 0.6 b.jsonl | mmtool view --rows 1 --column boxes --column phrases -
mmtool align space -q --check cut.mmt
# through preprocess and augment, and back to the file's pixels
mmtool preprocess -q --preset openai-clip --image-size 48 b.jsonl -o p.mmt
mmtool augment -q --crop 0.3,1 --flip 0.5 --shift 5 --copies 4 p.mmt -o q.mmt
boxes() { mmtool view --column id --column boxes "$@" | sed 's/#.*	/	/' | awk -F '\t' '{
	n = split($2, x, ","); s = $1
	for (i = 1; i <= n; i++) s = s " " sprintf("%.2f", x[i] + 0.001)
	print s }' | sort -u; }
mmtool align space --to original q.mmt -o o.mmt && boxes --rows 5 o.mmt
mmtool align space -q q.mmt | mmtool view --rows 8 --column boxes - | tr -d '0-9.e-' >1
mmtool align space -q --to current o.mmt | mmtool view --rows 8 --column boxes - | tr -d '0-9.e-' >2
cmp 1 2 && echo as many
# boxes that are in the file's pixels stay there
mmtool align space --to original p.mmt | mmtool augment -q --shift 5 - | boxes --rows 1 -
mmtool view --rows 0 o.mmt | grep space
# what cannot be
mmtool align space --json b.jsonl
echo '{"id": "d", "text": "x", "boxes": [[1, 2, 3, 4]]}' >d.jsonl
mmtool align space d.jsonl -o x.mmt
mmtool align space --on-error skip d.jsonl b.jsonl | mmtool view --column id -
