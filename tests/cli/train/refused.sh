# what a run goes on with, and what it is told of numbers that are none
ln -s "$FIX/data.mmt" data.mmt
t() { mmtool train -q -B 8 "$@" data.mmt; }
t --preset micro --epochs 2 -o run
t --preset tiny --epochs 2 --resume-changed -o run
t --preset micro --epochs 2 --seed 3 --resume -o run
t --preset micro --epochs 2 --lr 0.5 --resume -o run
t --preset micro --epochs 3 --seed 3 --resume-changed -o run && echo went on
t --preset micro --epochs 2 --monitor rsumm --val data.mmt -o bad 2>&1 |
	cut -c 1-70
t --preset micro --steps 100 --lr 1000 --clip-norm 0 --warmup 0 \
	--optimizer sgd --debug-nan -o nan 2>&1 | grep -c 'not finite'
ls bad 2>/dev/null
# what cannot be is said before anything is spent
t --preset micro --steps 1 --batch-size 32 -o bad
t --preset micro --steps 1 --plot x.png -o bad
t --preset micro --steps 1 --plot none/x.svg -o bad
t --preset micro --steps 1 --no-decay 'zz*' -o bad
t --preset micro --steps 1 --loss classify -o bad
t --preset micro --steps 1 --loss mae --lock-image -o bad
for w in 0 -1 nan 1e999; do
	mmtool train -q --preset micro -B 8 --steps 1 -o bad "data.mmt:$w"
done
for d in "a red circle:0" "a red circle:1"; do
	printf 'id\timage\ttext\tlabel\n' >one.tsv
	for p in "$FIX"/photos/*.png; do
		n=$((${n:-0} + 1))
		printf '%s\t%s\t%s\t%s\n' $n "$p" "${d%:*}" "${d#*:}"
	done >>one.tsv
	mmtool preprocess -q --preset hf-clip --image-size 32 --tokenizer \
		"$FIX/vocab" --max-length 16 one.tsv -o one.mmt
	for loss in multi classify; do
		mmtool train -q --preset micro -B 8 --steps 1 --loss $loss \
			-o bad one.mmt
	done
done
# the locked tower is locked whatever is learnt
t --preset micro --steps 2 --loss lm,mae --lock-image -o locked &&
	mmtool embed -q --image -m locked data.mmt -o a
t --preset micro --steps 1 --lr 0 --weight-decay 0 -o start &&
	mmtool embed -q --image -m start data.mmt -o b && cmp a b
ls bad 2>/dev/null
