# Other commands open what comes out, and training goes on from it.
cp -r "$FIX"/model "$FIX"/data.mmt .
mmtool prune -q -m model -o small --heads 0.3 --ffn 0.5 --calibrate data.mmt \
	>report
head -n 1 report
grep -c layers report
grep -A 4 num_hidden_layers small/config.json | tr -d ' \n'
echo
for f in tokenizer.json preprocessor_config.json; do cmp model/$f small/$f; done
mmtool embed --both -m small data.mmt -o vectors.mmt
mmtool train -m small -q --steps 2 -B 4 -o tuned data.mmt
cmp small/config.json tuned/config.json
mmtool quantize -m small -o small8 | head -n 1
mmtool embed --image -m small8 data.mmt -o vectors8.mmt
mmtool convert small --to open_clip -o other
mmtool prune -m small8 -o again --ffn 0.5 --calibrate data.mmt
# The same for any number of threads.
for j in 1 2 3; do
	mmtool prune -q -j $j -m model -o out$j --heads 0.3 --ffn 0.5 \
		--calibrate data.mmt >report$j
	cmp report report$j && cmp small/model.safetensors \
		out$j/model.safetensors
done
# No heads, as many neurons everywhere: numbers that transformers reads.
mmtool prune -q -m model -o plain --ffn 0.3 --layers 1 --uniform \
	--calibrate data.mmt >/dev/null
grep -E 'intermediate|num_|head_dim' plain/config.json
