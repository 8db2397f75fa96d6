# Every command opens what comes out; the folder keeps the model's files.
cp -r "$FIX"/model "$FIX"/data.mmt "$FIX"/gallery.mmt .
for method in dynamic static weight-only; do
	mmtool quantize -m model -o $method --method $method --json \
		--calibrate data.mmt --max-loss 100 >report
	tr ',' '\n' <report | grep -E '"(method|layers|bytes_)' | tr -d '{}'
	for f in tokenizer.json preprocessor_config.json; do
		cmp model/$f $method/$f
	done
	grep -A 3 quant_method $method/config.json
	mmtool embed --both -m $method data.mmt -o vectors.mmt
	mmtool view --json vectors.mmt | grep -c '"text.embedding"'
	mmtool search -m $method -g gallery.mmt -k 1 'a red cross' |
		grep -c '^1 '
	mmtool quantize -m $method -o again
done
# Trained on, it is a model in float.
mmtool train -m dynamic -q --steps 1 -B 4 -o tuned data.mmt && ls tuned/config.json
grep -c quantization_config tuned/config.json
# Bits do not depend on the number of threads, nor on the batch.
mmtool quantize -q -m model -o one -j 1 -B 3 --method static --calibrate data.mmt --max-loss 100 >1
mmtool quantize -q -m model -o two -j 2 -B 16 --method static --calibrate data.mmt --max-loss 100 >2
cmp 1 2 && cmp one/model.safetensors two/model.safetensors
