# Names of the files by type; one file alone; external data beside it.
mmtool export -m "$FIX/model" -o a && ls a a/onnx
mmtool export -m "$FIX/model" --part image --fp16 -o a && ls a/onnx
mmtool export -m "$FIX/model" --part text --int8 -o a && ls a/onnx
mmtool export -m "$FIX/model" --part text --int8 --int8-format qdq \
	--calibrate "$FIX/data.mmt" -o a && ls a/onnx
mmtool export -m "$FIX/model" --part image -o one.onnx
cmp one.onnx a/onnx/vision_model.onnx
mmtool export -m "$FIX/model" --part image -j 3 -o two.onnx && cmp one.onnx two.onnx
mmtool export -m "$FIX/model" --part image --external-data -o x/out.onnx
mmtool export -m "$FIX/model" --part image --external-data -o out.onnx && ls
size() { wc -c <"$1"; }
[ "$(size out.onnx)" -lt 40000 ] && [ "$(size out.onnx_data)" -gt 100000 ] && echo split
grep -ao 'out.onnx_data' out.onnx | sort -u
[ $(($(size a/onnx/vision_model_fp16.onnx) * 100)) -lt $(($(size one.onnx) * 56)) ] && echo half
# weights that nothing points to any more
mmtool export -m "$FIX/model" --part image -o out.onnx && ls
