# What quantize refuses, each with its reason.
cp -r "$FIX"/model "$FIX"/data.mmt .
try() { mmtool quantize "$@"; echo "= $?" >&2; }
try -m model
try -o out
try -m model -o model
try -m model -o out --method static
try -m model -o out --skip '*'
try -m model -o out --calibrate - <data.mmt
try -m model -o out --calibrate nonesuch.mmt
mmtool preprocess -q --image-size 48 --tokenizer model "$FIX"/photos -o wide.mmt
try -m model -o out --calibrate wide.mmt
try -m model -o out --method nonesuch
try -m model -o out extra
try -m nonesuch -o out
ls out 2>/dev/null
mkdir full
(mmtool quantize -m model -o full/out >/dev/full) 2>&1
ls full/out | grep -c safetensors
