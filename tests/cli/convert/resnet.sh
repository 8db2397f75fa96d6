# A CLIP with a ResNet: open_clip's folder to our own and back, the same bytes
# and the same vectors.
mmtool train --arch clip_resnet --preset tiny --tokenizer "$FIX/vocab" -q -B 8 \
	--steps 1 -o rn "$FIX/data.mmt" >/dev/null || exit
mmtool convert rn --to hf -o ours && ls ours
mmtool convert ours --to open_clip -o back 2>&1
cmp rn/open_clip_model.safetensors back/open_clip_model.safetensors &&
	echo the same weights
for x in rn ours back; do
	mmtool embed --both -m $x "$FIX/data.mmt" -o $x.mmt || exit
	cmp rn.mmt $x.mmt && echo $x the same
done
mmtool train -m ours -q -B 8 --steps 1 -o on "$FIX/data.mmt" >/dev/null
ls on | grep -c open_clip
# Of an ALIGN and of SigLIPs of sizes that timm has not there is no such folder.
for a in align siglip; do
	mmtool train --arch $a --preset tiny --tokenizer "$FIX/vocab" -q -B 8 \
		--steps 1 -o $a "$FIX/data.mmt" >/dev/null
	mmtool convert $a --to open_clip -o none
	echo "exit $?"
	mmtool convert $a --to hf -o kept &&
		cmp $a/model.safetensors kept/model.safetensors && echo kept
done
ls
