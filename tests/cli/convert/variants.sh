# Vision transformers of open_clip's that transformers has no class for, and
# texts as its HFTokenizer reads them: every command keeps what they are.
G=$DATA/../golden
for s in tiny-clipa tiny-avg; do
	cp -r "$G/$s/model" $s && chmod -R u+w $s
	printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a photo of dog \
		red '##s' , ! _ blue >$s/vocab.txt
	mmtool convert $s --to hf -o none
	mmtool convert $s --to open_clip -o $s-kept &&
		mmtool convert $s-kept --to open_clip -o $s-again &&
		cmp $s-kept/open_clip_model.safetensors \
			$s-again/open_clip_model.safetensors &&
		cmp $s-kept/open_clip_config.json $s/open_clip_config.json
done

# Texts by tokenizer_kwargs, and the same after every command.
cp tiny-clipa/open_clip_config.json plain.json
cat >lines.txt <<END
A photo, of_a Dog!
red &amp; blue
dogs
A photo of a red photo of a blue dogs photo of a dog
END
for how in '"strip_sep_token": true' '"clean": "canonicalize"' \
	'"clean": "lower"'; do
	echo "$how"
	sed "s/\"text_cfg\": {/&\"hf_tokenizer_name\": \"bert-base-uncased\", \
\"tokenizer_kwargs\": {$how},/" plain.json >tiny-clipa/open_clip_config.json
	mmtool preprocess -m tiny-clipa --text lines.txt -o ids.mmt || exit
	mmtool view --column ids ids.mmt | tee ids
	mmtool preprocess -m tiny-clipa "$FIX/photos" -o pairs.mmt || exit
	mmtool train -m tiny-clipa -q -B 8 --steps 1 -o tuned pairs.mmt || exit
	mmtool prune -m tiny-clipa -q --ffn 0.5 --uniform --calibrate pairs.mmt \
		-o small >/dev/null || exit
	for d in tuned small; do
		mmtool preprocess -m $d --text lines.txt | mmtool view --column ids - |
			cmp - ids
	done
	rm -r tuned small
done
cp plain.json tiny-clipa/open_clip_config.json

# Of a size for which open_clip has no name.
for s in tiny-mci tiny-convnext; do
	cp -r "$G/$s/model" $s && chmod -R u+w $s
	cp tiny-clipa/vocab.txt "$FIX/model/preprocessor_config.json" $s
done

# What makes another model of it.
for s in tiny-clipa tiny-avg tiny-mci tiny-convnext; do
	mmtool preprocess -m $s "$FIX/photos" -o pairs.mmt || exit
	mmtool embed --both -m $s pairs.mmt -o a.mmt || exit
	if [ -e $s-kept ]; then
		mmtool embed --both -m $s-kept pairs.mmt -o b.mmt && cmp a.mmt b.mmt
	fi
	mmtool quantize -m $s -o $s-int8 -q >/dev/null &&
		mmtool embed --both -m $s-int8 pairs.mmt -o b.mmt
	mmtool export -m $s -o $s-onnx -q && ls $s-onnx | grep -c 'onnx$'
	for how in '--ffn 0.5 --uniform' '--ffn 0.5 --heads 0.5'; do
		# shellcheck disable=SC2086
		mmtool prune -m $s -q $how --calibrate pairs.mmt \
			-o small >/dev/null &&
			mmtool embed --both -m small pairs.mmt -o b.mmt &&
			mmtool train -m small -q -B 8 --steps 1 -o tuned pairs.mmt &&
			mmtool embed --both -m tuned pairs.mmt -o b.mmt &&
			echo "$s $how:" tuned/*model.safetensors
		rm -rf small tuned
	done
	mmtool embed --image --image-size 48 -m $s "$FIX/photos" -o b.mmt
done
