# u8 with its metadata, and floats of every kind, are the same picture
for t in u8 f32 f16 bf16; do
	mmtool preprocess --preset siglip --image-size 2 --filter box --dtype $t \
		"$FIX/photos" -o $t.mmt
	mmtool view --rows 1 --column image $t.mmt
	mmtool view --json $t.mmt | tr ',' '\n' | grep -A9 '"image"' |
		grep -o '"type": *"[A-Z0-9]*"'
done
