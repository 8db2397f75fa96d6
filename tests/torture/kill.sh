#!/bin/sh
# Kill the commands that write model folders and ONNX files with SIGKILL at
# random moments.  What then stands at the target is whole or is no model, an
# earlier result included, nothing else lies about but a temporary file where
# it was about to replace one (mmtool(1)), and a second run works.
#
#	usage: tests/torture/kill.sh [KILLS [SEED]]
#
# KILLS (100) go round the commands; every other one finds an earlier, different
# result at its target.  The last line counts kills and what they left.
set -u
kills=${1:-100} seed=${2:-1}
. "$(dirname "$0")/../scratch.sh"

# NAME: the command; behind it, one that leaves something else at the target.
cat >commands <<'END'
quantize: quantize -q -m fix/model -o DIR
quantize: quantize -q --method weight-only -m fix/model -o DIR
prune: prune -q -m fix/model --ffn 0.5 --calibrate fix/data.mmt -o DIR
prune: prune -q -m fix/model --ffn 0.25 --calibrate fix/data.mmt -o DIR
convert: convert -q fix/model --to open_clip -o DIR
convert: convert -q fix/model --to open_clip --dtype f16 -o DIR
retype: convert -q fix/model --dtype bf16 -o DIR
retype: convert -q fix/model --dtype f16 -o DIR
export: export -q -m fix/model --external-data -o DIR
export: export -q -m fix/model --external-data --opset 20 -o DIR
half: export -q -m fix/model --fp16 -o DIR
half: export -q -m fix/model --fp16 --opset 20 -o DIR
END

# random N: a number of 0..N-1, the next of the seed's sequence.
state=$seed
random() {
	state=$(((state * 1103515245 + 12345) % 2147483648))
	echo $((state / 65536 % $1))
}
# go LINE DIR
go() {
	# shellcheck disable=SC2046
	exec mmtool $(sed -n "$1s/^[a-z]*: //;$1s|DIR|$2|p" commands) \
		>/dev/null 2>&1
}
now() { date +%s%N; }
fail() {
	echo "$name, seed $seed, after $done_kills kills: $*"
	ls -lAR run
	exit 1
}

# are FILE... of run those of some reference, all of the same one?
one_of() {
	for ref in "ref$line" "ref$((line + 1))"; do
		for f; do
			cmp -s "run/$f" "$ref/$f" || continue 2
		done
		return 0
	done
	return 1
}

# What is at the target is whole, or is not there.
look() {
	for config in config.json open_clip_config.json; do
		[ -e "run/$config" ] || continue
		case $name in
		export | half) one_of "$config" || fail "$config" ;;
		*)
			files=$(cd "ref$line" && echo *)
			# shellcheck disable=SC2086
			one_of $files || fail "a mixture"
			whole=$((whole + 1))
			;;
		esac
	done
	for f in run/onnx/*.onnx; do
		[ -e "$f" ] || continue
		f=${f#run/}
		if [ -e "run/${f}_data" ]; then
			one_of "$f" "${f}_data" || fail "$f and its weights"
		else
			[ "$name" != export ] || fail "$f without weights"
			one_of "$f" || fail "$f"
		fi
		whole=$((whole + 1))
	done
	find run -name '.*.[0-9]*-[0-9]*.tmp' -exec rm {} +
	left=$(find run | sed 's/^run/./' | sort | comm -23 - "names$line")
	[ -z "$left" ] || fail "left behind: $left"
}

n_lines=$(wc -l <commands)
for line in $(seq "$n_lines"); do
	begin=$(now)
	(go "$line" "ref$line") || {
		echo "line $line of the commands does not work"
		exit 1
	}
	eval "took$line=$((($(now) - begin) / 1000000))"
	(cd "ref$line" && find . | sort) >"names$line"
done

done_kills=0 whole=0 line=-1
while [ "$done_kills" -lt "$kills" ]; do
	line=$(((line + 2) % n_lines))
	name=$(sed -n "${line}s/:.*//p" commands)
	eval "t=\$took$line"
	rm -rf run
	[ $((done_kills / (n_lines / 2) % 2)) = 0 ] ||
		(go $((line + 1)) run) || exit 1
	(go "$line" run) &
	pid=$!
	ms=$(random "$((t + 2))")
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	done_kills=$((done_kills + 1))
	[ ! -d run ] || look
	(go "$line" run) || fail "a second run does not work"
	diff -r run "ref$line" >/dev/null || fail "a second run differs"
done
echo "$done_kills kills: $whole results whole, no other one to be seen"
