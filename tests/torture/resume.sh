#!/bin/sh
# Kill training with SIGKILL at random moments, resume it, and compare what it
# ends with, byte for byte, with a run that nobody disturbed.
#
#	usage: tests/torture/resume.sh [KILLS [SEED]]
#
# KILLS (200) are spread over sets of options that between them use every kind
# of state that a run has.  The last line counts kills and runs.
set -u
kills=${1:-200} seed=${2:-1}
. "$(dirname "$0")/../scratch.sh"
cd fix || exit 1
mmtool preprocess -q --preset hf-clip --image-size 32 --tokenizer vocab \
	--max-length 16 --shard 0/2 photos -o half.mmt || exit 1
mmtool augment -q --epochs 12 --shift 1 data.mmt -o long.mmt || exit 1
cat >three.recipe <<'END'
batch-size = 8
save-every = 2
[words]
loss = lm
steps = 12
[sights]
init = none
loss = mae
steps = 8
[pairs]
init = sights, words
loss = multi
steps = 12
ema = 0.9
END

# One set of options a line.
cat >sets <<'END'
--preset tiny -B 8 --steps 24 --save-every 1 --ema 0.9 --dropout 0.1 --augment shift:2,flip:0.5 --val data.mmt --eval-every 2 data.mmt
--preset tiny -B 8 --micro-batch-image 2 --micro-batch-text 4 --steps 24 --save-every 3 --precision fp16 --drop-path 0.2 --dropout 0.1 --ema 0.9 --recompute data.mmt
--preset tiny -B 8 --steps 20 --save-every 2 --loss lm,mae:0.5,multi --lora 4 --micro-batch-image 4 data.mmt
--preset tiny -B 4 --steps 30 --save-every 2 --optimizer lamb --lock-image --val data.mmt --eval-every 3 --patience 5 data.mmt
--preset tiny -B 8 --recipe three.recipe data.mmt
--preset tiny -B 8 --steps 24 --save-every 2 --window 12 --dropout 0.1 --augment flip:0.5 long.mmt
--preset tiny -B 4 --steps 30 --save-every 4 --optimizer sgd --loss hardest,mlm --precision bf16 data.mmt:0.7 half.mmt:0.3
END
n_sets=$(wc -l <sets)

# random N: a number of 0..N-1, the next of the seed's sequence.
random() {
	state=$(((state * 1103515245 + 12345) % 2147483648))
	echo $((state / 65536 % $1))
}
state=$seed

# go DIR [OPTION]...: train the current set into DIR.
go() {
	dir=$1
	shift
	# shellcheck disable=SC2086
	exec mmtool train -q --tokenizer vocab -o "$dir" "$@" $options
}

now() { date +%s%N; }

# Milliseconds that an undisturbed run takes.
reference() {
	begin=$(now)
	(go "ref$set") || exit 1
	took=$((($(now) - begin) / 1000000))
}

same() {
	(cd "$1" && find . -name '*.safetensors' | sort) >files
	while read -r f; do
		cmp "$1/$f" "$2/$f" || return 1
	done <files
}

done_kills=0 runs=0 set=0
while [ "$done_kills" -lt "$kills" ]; do
	set=$((set % n_sets + 1))
	options=$(sed -n "${set}p" sets)
	[ -d "ref$set" ] || reference
	eval "took$set=\${took$set:-$took}"
	eval "t=\$took$set"
	rm -rf run
	k=0
	while [ "$k" -lt 6 ] && [ "$done_kills" -lt "$kills" ]; do
		(go run --resume) &
		pid=$!
		ms=$(($(random "$t") + 5))
		sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
		kill -9 "$pid" 2>/dev/null || break
		wait "$pid" 2>/dev/null
		k=$((k + 1)) done_kills=$((done_kills + 1))
	done
	(go run --resume) || exit 1
	runs=$((runs + 1))
	same "ref$set" run || {
		echo "set $set, seed $seed, after $k kills: $options"
		exit 1
	}
done
echo "$done_kills kills in $runs runs: the same bytes"
