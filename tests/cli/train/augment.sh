# the samples of train --augment are those of augment, epoch by epoch
t() { mmtool train -q --preset tiny --tokenizer "$FIX/vocab" -B 4 --no-shuffle "$@"; }
loss() { sed -n 's/.*"loss": *\([^,]*\),.*/\1/p' "$1/log.jsonl"; }
same() {
	t --epochs 1 --augment "$1" -o in "$2"
	mmtool augment -q --spec "$1" --tokenizer "$FIX/vocab" "$2" -o out.mmt
	t --epochs 1 -o out out.mmt
	loss in >a && loss out | cmp - a && echo "same: $1" && wc -l <a
	rm -r in out
}
same shift:4 "$FIX/data.mmt"
same flip:0.5,crop:0.6:1,jitter:0.3:0.3:0.3:0.1,gray:0.3,blur:0.3,erase:0.5,swap:0.2,delete:0.1 "$FIX/data.mmt"
# floats too
mmtool preprocess -q --preset hf-clip --image-size 32 --dtype f32 \
	--tokenizer "$FIX/vocab" --max-length 16 "$FIX/photos" -o f32.mmt
same flip:0.5,shift:2,erase:0.5 f32.mmt
# another epoch has other samples, and another seed
t --epochs 2 --lr 0 --augment shift:4 -o two "$FIX/data.mmt"
loss two | sort -u | wc -l
# what cannot be done is said
mmtool preprocess -q --preset hf-clip --image-size 32 --tokenizer "$FIX/vocab" --max-length 16 "$FIX/photos" |
	mmtool augment -q --shift 1 - >d.mmt
t --augment turn:1 -o bad d.mmt
t --augment flip:2 -o bad d.mmt
