# Folders that cannot be what they say: the file, the place, the reason.
try() {
	mmtool embed --image -m "$1" red-cross.png -o x.mmt
	echo "$1: $?"
}
config() { # NAME TEXT
	mkdir "$1" && printf '%s' "$2" >"$1/config.json"
	cp "$FIX/model/model.safetensors" "$1"
}
cp "$FIX/photos/red-cross.png" .
mkdir nothing
try nothing
try nowhere
config family '{"model_type": "flava"}'
config nameless '{"projection_dim": 3}'
config heads '{"model_type": "clip", "vision_config": {"hidden_size": 49, "num_attention_heads": 2}}'
config act '{"model_type": "clip", "vision_config": {"hidden_act": "mish"}}'
config rows '{"model_type": "align", "vision_config": {"strides": [1, 2]}}'
config dim '{"model_type": "align", "projection_dim": 641}'
for d in family nameless heads act rows dim; do try $d; done

open() { # NAME VISION TEXT
	mkdir "$1"
	printf '{"model_cfg": {"embed_dim": 8, "vision_cfg": {%s}, "text_cfg": {%s}}}' \
		"$2" "$3" >"$1/open_clip_config.json"
	cp "$FIX/model/model.safetensors" "$1"
}
open timm '"timm_model_name": "vit_base"' '"width": 64'
open hub '"width": 64' '"hf_model_name": "google/mt5-base"'
open three '"layers": [1, 2, 1]' '"width": 64'
open odd '"layers": [1, 1, 1, 1], "width": 7' '"width": 64'
open pool '"width": 64' '"pool_type": "mean"'
open head '"width": 64, "head_width": 20' '"width": 64'
open shared '"width": 64' '"width": 64, "heads": 3'
for d in timm hub three odd pool head shared; do try $d; done

# Half a model, and a model whose pictures are patches in any number.
for type in clip_text_model clip_vision_model siglip2 chinese_clip; do
	mkdir $type && printf '{"model_type": "%s"}' $type >$type/config.json
	try $type
done

# A recipe for pictures that cannot be read is not passed over.
for bad in '"std": [0, 1, 1]' '"mean": ["x"]' '"interpolation": "nearest2"'; do
	open recipe '"width": 64' '"width": 64'
	sed "s/}}}/}}, \"preprocess_cfg\": {$bad}}/" recipe/open_clip_config.json \
		>recipe/other && mv recipe/other recipe/open_clip_config.json
	mmtool embed --text -m recipe "$FIX/data.mmt" -o x.mmt
	rm -r recipe
done

# A residual network without running statistics, and one asked for another
# size.
mmtool train --arch clip_resnet --preset tiny --tokenizer "$FIX/vocab" -q \
	-B 8 --steps 1 -o rn "$FIX/data.mmt" || exit
try rn
mmtool embed --image -m rn --image-size 64 red-cross.png -o x.mmt
echo "another size: $?"
cp -r rn bare
sed 's/bn1\.running_mean/bn1.xunning_mean/g' rn/open_clip_model.safetensors \
	>bare/open_clip_model.safetensors
try bare

# Pictures of another size than the table of positions: refused, unless asked.
mmtool preprocess --preset hf-clip --image-size 48 "$FIX/photos" -o large.mmt
mmtool embed --image -m "$FIX/model" large.mmt -o x.mmt 2>err
echo "large: $?"
sed "s|$FIX|FIX|g" err >&2
mmtool embed --image -m "$FIX/model" --image-size 48 large.mmt -o x.mmt
echo "asked: $?"
mmtool embed --image -m "$FIX/model" --image-size 3 red-cross.png -o x.mmt
echo "tiny: $?"
