# What cannot be exported is said, and nothing is left behind.
try() { mmtool export "$@"; echo "exit $?"; }
: >file
try -o out
try -m "$FIX/model"
try -m "$FIX/model" -o -
try -m "$FIX/model" -o file
try -m "$FIX/model" -o nothere/out.onnx
try -m "$FIX/model" -o /dev/full/out.onnx
try -m nothere -o out
try -m "$FIX/model" --opset 16 -o out
try -m "$FIX/model" --fp16 --int8 -o out
try -m "$FIX/model" --part all -o out
cp -r "$FIX/model" .
try -m model --int8 --int8-format qdq -o out
try -m "$FIX/model" --int8 --calibrate "$FIX/data.mmt" -o out
mmtool quantize -m "$FIX/model" -o int8 >/dev/null
try -m int8 --int8 --int8-format qdq -o out.onnx
try -m int8 --int8 --int8-format qdq --calibrate "$FIX/data.mmt" -o out.onnx
mmtool preprocess -q --image-size 48 --tokenizer "$FIX/model" "$FIX/photos" -o wide.mmt
try -m "$FIX/model" --int8 --int8-format qdq --calibrate wide.mmt -o out
# Static scales, or weights alone, are enough.
mmtool quantize -m "$FIX/model" -o fixed --method static \
	--calibrate "$FIX/data.mmt" --max-loss 100 >/dev/null
try -m fixed --int8 --int8-format qdq -o fixed.onnx
try -m "$FIX/model" --int8 --int8-format qdq --calibrate "$FIX/data.mmt" -o same.onnx
cmp fixed.onnx same.onnx
mmtool quantize -m "$FIX/model" -o w8 --method weight-only >/dev/null
try -m w8 --int8 --int8-format qdq -o w8.onnx
mkdir broken && cp "$FIX/model/config.json" broken
head -c 5000 "$FIX/model/model.safetensors" >broken/model.safetensors
try -m broken -o out
try -m broken -o out.onnx
ls
