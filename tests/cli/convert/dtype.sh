# Another type for the numbers: the configuration says so, and what f16 holds
# comes back from f32 with the same bits.
for d in f16 bf16 f32; do
	mmtool convert "$FIX/model" --dtype $d -o $d || exit
	grep -o '"dtype": "[a-z0-9]*"' $d/config.json
	grep -ao '"dtype":[ ]*"[A-Z0-9]*"' $d/model.safetensors | sort | uniq -c |
		tr -s ' '
	mmtool embed --text -m $d "$FIX/captions.txt" -o $d.mmt || exit
done
mmtool convert "$FIX/model" -o plain &&
	cmp plain/model.safetensors f32/model.safetensors && echo unchanged
mmtool convert f16 --to open_clip -o a && mmtool convert a --dtype f32 -o b &&
	mmtool convert b --dtype f16 -o c && mmtool convert a -o d &&
	cmp c/model.safetensors d/model.safetensors && echo the same bits
mmtool convert "$FIX/model" --dtype int8 -o none
mmtool quantize -m "$FIX/model" -o int8 >/dev/null
mmtool convert int8 --dtype f16 -o none
echo "exit $?"
ls
