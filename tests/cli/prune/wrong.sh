# What prune refuses, each with its reason, and nothing written.
cp -r "$FIX"/model "$FIX"/data.mmt "$FIX"/photos.mmt .
try() { mmtool prune "$@"; echo "= $?" >&2; }
try -m model -o out
try -m model -o out --calibrate data.mmt
try -m model --ffn 0.5 --calibrate data.mmt
try -m model -o model --ffn 0.5 --calibrate data.mmt
try -m model -o out --layers 9 --calibrate data.mmt
try -m model -o out --heads 0.01 --calibrate data.mmt
try -m model -o out --heads 0.5 --uniform --calibrate data.mmt
try -m model -o out --ffn 1 --calibrate data.mmt
try -m model -o out --ffn 0.5 --calibrate photos.mmt
try -m model -o out --ffn 0.5 --calibrate data.mmt --samples 1
mmtool preprocess -q --image-size 48 --tokenizer model "$FIX"/photos -o wide.mmt
try -m model -o out --ffn 0.5 --calibrate wide.mmt
ls out 2>/dev/null
