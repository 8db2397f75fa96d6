# a stream that passes by once, through a window of samples
t() { mmtool train --preset micro --tokenizer "$FIX/vocab" -B 8 --window 12 "$@"; }
mmtool augment -q --epochs 3 --shift 2 "$FIX/data.mmt" -o long.mmt
steps() { wc -l <"$1/log.jsonl"; }
how="--dropout 0.1 --augment flip:0.5 --save-every 1"
# to the stream's end, or to --steps, and what is left over is said
t --schedule constant --warmup 2 -o end - <long.mmt && steps end
mmtool preprocess -q --preset hf-clip --image-size 32 --tokenizer "$FIX/vocab" \
	--max-length 16 --shard 0/2 "$FIX/photos" -o half.mmt
cat half.mmt long.mmt | t --schedule constant --warmup 2 -B 10 -o odd && steps odd
# a file passes several times, a pipe cannot
t --schedule constant --warmup 2 --epochs 3 -o thrice "$FIX/data.mmt"
t --schedule constant --warmup 2 -o once "$FIX/data.mmt"
steps thrice && steps once
cat long.mmt | t --schedule constant --warmup 2 --epochs 3 -o bad
mkfifo pipe
cat long.mmt >pipe &
t --steps 9 -o short pipe && steps short
# stopped, and the same stream sent again: the same bits
# shellcheck disable=SC2086
t -q --steps 6 $how -o whole <long.mmt
# shellcheck disable=SC2086
t -q -j 3 --steps 6 $how -o parts <long.mmt 2>/dev/null &
until [ -s parts/train.safetensors ]; do sleep 0.01; done
kill -9 $!
{ wait $!; } 2>/dev/null
# shellcheck disable=SC2086
t -q --steps 6 $how --resume -o parts <long.mmt &&
	cmp whole/train.safetensors parts/train.safetensors && echo the same
# without --shuffle it is the stream's order, as of a file
t -q --steps 6 --no-shuffle -o order <long.mmt
mmtool train -q --preset micro --tokenizer "$FIX/vocab" -B 8 --steps 6 \
	--no-shuffle -o file long.mmt
loss() { sed -n 's/.*"loss": *\([^,]*\),.*/\1/p' "$1/log.jsonl"; }
loss order >a && loss file | cmp - a && echo in order
# what cannot be is said
t --steps 2 --schedule constant --warmup 2 -o stop <long.mmt
t -q --steps 4 -o again <long.mmt
mmtool augment -q --epochs 3 --shift 1 --seed 7 "$FIX/data.mmt" |
	t -q --steps 4 --lr 1e-2 --resume-changed -o again
# (two streams that begin alike)
cat "$FIX/data.mmt" half.mmt "$FIX/data.mmt" >one.mmt
cat "$FIX/data.mmt" "$FIX/data.mmt" half.mmt >two.mmt
t -q --steps 4 --window 16 -o swap <one.mmt
t -q --steps 4 --window 16 --resume -o swap <two.mmt
t -o bad <long.mmt
t --schedule constant -o bad <long.mmt
t --steps 2 --loss classify -o bad <long.mmt
t --steps 2 --loss distill-feature --distill long.mmt -o bad <long.mmt
t --steps 2 --window 7 -o bad <long.mmt
t --steps 2 -o bad long.mmt long.mmt
t --steps 2 -o bad long.mmt:0.5
mmtool train --preset micro -B 8 --window 12 --steps 2 -o bad long.mmt
head -c 20000 long.mmt | t --steps 2 -o bad
mmtool preprocess -q --preset hf-clip --image-size 16 --tokenizer "$FIX/vocab" \
	--max-length 16 "$FIX/photos" | cat long.mmt - | t -q --steps 9 -o bad
