# Text towers of the Hub.  What open_clip alone has keeps its layout; what
# transformers has, too, goes there and back.
G=$DATA/../golden/tiny-hub
mmtool convert "$G/model" --to hf -o none
mmtool convert "$G/model" --to open_clip -o kept && ls kept
mmtool convert kept --to open_clip -o again &&
	cmp kept/open_clip_model.safetensors again/open_clip_model.safetensors
mmtool embed --text -m "$G/model" "$G/lines.txt" -o a.mmt || exit
mmtool embed --text -m kept "$G/lines.txt" -o b.mmt && cmp a.mmt b.mmt

mmtool train --arch vision-text-dual-encoder --preset tiny -q -B 8 --steps 1 \
	--tokenizer "$FIX/vocab" -o hf "$FIX/data.mmt" || exit
mmtool convert hf --to open_clip -o open && ls open
mmtool convert open --to hf -o back && ls back
mmtool embed --both -m hf "$FIX/data.mmt" -o a.mmt || exit
for d in open back; do
	mmtool embed --both -m $d "$FIX/data.mmt" -o b.mmt && cmp a.mmt b.mmt
done

# Texts of the model's length, where the tokenizer tells none.
mmtool preprocess -m "$G/model" --text "$G/lines.txt" -o ids.mmt
mmtool view ids.mmt | grep ids

# Smaller than what the Hub has under the name, hence without it.
cp -r "$G/model" model && chmod -R u+w model
mmtool preprocess -m model "$FIX/photos" -o pairs.mmt
mmtool prune -m model -q --ffn 0.5 --uniform --calibrate pairs.mmt -o small \
	>/dev/null || exit
grep -c hf_model_name small/config.json
mmtool train -m small -q -B 8 --steps 1 -o tuned pairs.mmt && ls tuned
grep hf_model_name tuned/open_clip_config.json
grep intermediate_size tuned/config.json

# Without the text model's config.json there is the name alone.
rm model/config.json
mmtool embed --text -m model "$G/lines.txt" -o c.mmt 2>&1 | cut -c 1-110
