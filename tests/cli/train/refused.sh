# what a run goes on with, and what it is told of numbers that are none
t() { mmtool train -q -B 8 "$@" "$FIX/data.mmt"; }
t --preset micro --epochs 2 -o run
t --preset tiny --epochs 2 --resume-changed -o run
t --preset micro --epochs 2 --seed 3 --resume -o run
t --preset micro --epochs 2 --lr 0.5 --resume -o run
t --preset micro --epochs 3 --seed 3 --resume-changed -o run && echo went on
t --preset micro --epochs 2 --monitor rsumm --val "$FIX/data.mmt" -o bad 2>&1 |
	cut -c 1-70
t --preset micro --steps 100 --lr 1000 --clip-norm 0 --warmup 0 \
	--optimizer sgd --debug-nan -o nan 2>&1 | grep -c 'not finite'
ls bad 2>/dev/null
