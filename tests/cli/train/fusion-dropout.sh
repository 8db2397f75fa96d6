# the fusion's dropout is its own, or that of the towers
mmtool align pairs -q --label-from folder "$FIX/coloured" |
	mmtool preprocess -q --preset hf-clip --image-size 32 \
		--tokenizer "$FIX/vocab" --max-length 16 - -o labelled.mmt
t() { o=$1; shift; mmtool train -q --preset micro -B 8 --steps 3 --loss fusion "$@" -o "$o" labelled.mmt; }
t none
t fusion --fusion-dropout 0.3
t both --dropout 0.3
t towers --dropout 0.3 --fusion-dropout 0
t same --dropout 0.3 --fusion-dropout 0.3
cmp both/model.safetensors same/model.safetensors && echo as the towers
sha256sum ./*/model.safetensors | cut -c 1-64 | sort -u | wc -l
t fusion --resume --dropout 0.1 2>&1 | grep -o 'dropout [0-9.]*, now'
