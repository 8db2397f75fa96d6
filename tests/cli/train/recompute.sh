# blocks that are computed twice: less memory, the same bits, of every family
how() {
	echo "--arch $1 --preset tiny -B 8 --micro-batch-text 4 --steps 3" \
		"--dropout 0.1 --tokenizer $FIX/vocab"
}
bytes() { sed -n 's/^activations\t//p'; }
for arch in $(mmtool describe architectures | cut -d ' ' -f 1); do
	# shellcheck disable=SC2046
	t() { mmtool train -q $(how "$arch") "$@" "$FIX/data.mmt"; }
	rm -rf once twice
	t -o once && t --recompute -o twice || continue
	cmp once/train.safetensors twice/train.safetensors || continue
	a=$(t --dry-run | bytes) b=$(t --recompute --dry-run | bytes)
	[ $((b * 4)) -lt $((a * 3)) ] && echo "$arch: less, and the same"
done
