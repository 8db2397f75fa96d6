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
mkdir broken && cp "$FIX/model/config.json" broken
head -c 5000 "$FIX/model/model.safetensors" >broken/model.safetensors
try -m broken -o out
try -m broken -o out.onnx
ls
