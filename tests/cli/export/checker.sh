# ONNX's own checker and strict shape inference accept every kind of file.
check=$(dirname "$MMTOOL")/tests/onnx_checker
[ -x "$check" ] || { echo "skip: no libonnx-dev" && exit; }
"$check" | grep '^skip' && exit
set -e
mmtool export -m "$FIX/model" -o a
mmtool export -m "$FIX/model" --fp16 -o a
mmtool export -m "$FIX/model" --int8 -o a
mmtool export -m "$FIX/model" --int8 --int8-format qdq \
	--calibrate "$FIX/data.mmt" -o a
mmtool export -m "$FIX/model" --external-data --part both -o x.onnx
mmtool export -m "$FIX/model" --external-above 300K -o above
ls above/onnx
for f in above/onnx/*.onnx a/onnx/*.onnx x.onnx; do
	echo "$f"
	"$check" "$f"
done
# It can say no.
head -c 5000 x.onnx >cut.onnx
"$check" cut.onnx
