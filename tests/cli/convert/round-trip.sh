# transformers' layout to open_clip's and back: the same bytes, the same files.
mmtool convert "$FIX/model" --to open_clip -o a || exit
ls a
mmtool convert a -o b || exit
ls b
mmtool convert a --to hf -o c && cmp b/model.safetensors c/model.safetensors
mmtool convert "$FIX/model" -o plain || exit
for x in a b plain; do
	mmtool embed --text -m "$FIX/$x" "$FIX/captions.txt" -o $x.mmt 2>/dev/null ||
		mmtool embed --text -m $x "$FIX/captions.txt" -o $x.mmt || exit
done
mmtool embed --text -m "$FIX/model" "$FIX/captions.txt" -o want.mmt
for x in a b plain; do cmp want.mmt $x.mmt && echo "$x the same"; done
