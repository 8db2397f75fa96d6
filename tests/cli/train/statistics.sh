# Running statistics belong to the run: stopped somewhere and resumed, it ends
# with the bits of one that never stopped, and so it does in other threads.
how='--arch clip_resnet --preset tiny -B 8 --steps 60 -q'
# shellcheck disable=SC2086
run() { mmtool train $how --tokenizer "$FIX/vocab" "$@" "$FIX/data.mmt"; }
run -o whole || exit
run -j 1 -o parts 2>/dev/null &
until [ -s parts/log.jsonl ] && [ "$(wc -l <parts/log.jsonl)" -ge 5 ]; do
	sleep 0.02
done
kill -TERM $!
{ wait $!; } 2>/dev/null
echo "stopped: $?"
run -j 1 -o parts --resume && cmp whole/open_clip_model.safetensors \
	parts/open_clip_model.safetensors && echo the same

# A frozen tower keeps to its statistics; otherwise they move.
mmtool train -m whole -B 8 --steps 2 -q --freeze 'visual.*' -o frozen \
	"$FIX/data.mmt"
mmtool train -m whole -B 8 --steps 2 -q --lr 0 -o moved "$FIX/data.mmt"
for d in whole frozen moved; do
	mmtool embed --image -m $d "$FIX/data.mmt" -o $d.mmt
done
cmp -s whole.mmt frozen.mmt && echo frozen: the same vectors
cmp -s whole.mmt moved.mmt || echo moved: others
