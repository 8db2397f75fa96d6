# What cannot be converted is said, and no folder is made.
try() { mmtool convert "$@"; echo "exit $?"; }
printf 'version https://git-lfs.github.com/spec/v1\n' >lfs.pt
: >empty.pt
head -c 900 "$FIX/checkpoint.pt" >cut.pt
printf '\200\002cos\nsystem\nX\002\0\0\0ls\205R.' >hostile.pt
try "$FIX/checkpoint.pt"
try -o out
try nothere -o out
try lfs.pt -o out
try empty.pt -o out
try cut.pt -o out
try hostile.pt -o out
try "$FIX/photos" -o out 2>&1 | sed "s|$FIX|FIX|"
try "$FIX/checkpoint.pt" --to hf -o out 2>&1 | sed "s|$FIX|FIX|"
try "$FIX/checkpoint.pt" --to open_clip -o out 2>&1 | sed "s|$FIX|FIX|"
try "$FIX/checkpoint.pt" --to onnx -o out
try "$FIX/checkpoint.pt" --files nothere -o out
try "$FIX/checkpoint.pt" -o empty.pt
try "$FIX/model/model.safetensors" --to open_clip -o out 2>&1 | sed "s|$FIX|FIX|"
# Weights and configuration that do not belong together.
mkdir other && sed 's/"hidden_size": [0-9]*/"hidden_size": 24/' \
	"$FIX/model/config.json" >other/config.json
try "$FIX/model/model.safetensors" --files other --to open_clip -o out
ls
