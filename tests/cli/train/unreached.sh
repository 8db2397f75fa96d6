# What no loss reaches has no gradient, and weight decay leaves it alone, as
# PyTorch's optimisers do: the pooler of ALIGN's text tower.
printf '%s\n' 'text_model.pooler.* pooler.*' '* -' >pooler
printf '%s\n' 'text_projection.* *' '* -' >projection
for n in 1 4; do
	mmtool train --arch align --preset tiny --tokenizer "$FIX/vocab" -q \
		-B 8 --steps $n --weight-decay 0.5 --lr 0.01 -o $n \
		"$FIX/data.mmt" >/dev/null || exit
	for part in pooler projection; do
		mmtool convert $n --to safetensors --map $part -o $part-$n
	done
done
cmp pooler-1/model.safetensors pooler-4/model.safetensors && echo as it was
cmp -s projection-1/model.safetensors projection-4/model.safetensors ||
	echo and the projection learns
