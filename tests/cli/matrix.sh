#!/bin/sh
# Every architecture with every command that takes a model.  A tiny instance
# of each is trained from scratch and takes the place of the fixture's model;
# then the command's own smoke runs that name it must succeed, with the same
# output for any number of threads.  tests/cli/SUB/refused lists what a command
# cannot do, a line "ARCH: ARGUMENTS" each: such a run must fail with a message.
#
# Prints "ok NAME" or "FAIL NAME" for each thing tried.
here=$(dirname "$0")

say() { # status NAME
	if [ "$1" = 0 ]; then set -- ok "$2"; else set -- "FAIL matrix" "$2"; fi
	printf '%s %s\n' "$1" "$2"
}

# try NAME COMMAND...: must succeed.
try() {
	name=$1
	shift
	"$@" >out 2>err </dev/null
	rc=$?
	say $rc "$name"
	[ $rc = 0 ] || sed 's/^/    /' err
	return $rc
}

# A run of a smoke file: ARCH "COMMAND [MODE]" ARGUMENTS
smoke() {
	rm -rf run && cp -r "fix-$1" run && cd run || return
	eval "mmtool $2 $3" >../out1 2>../err1 </dev/null
	rc=$?
	if grep -qxF "$1: $3" "$here/${2%% *}/refused" 2>/dev/null; then
		[ $rc = 1 ] && [ -s ../err1 ]
		say $? "$1 refused by $2 $3"
		cd ..
		return
	fi
	say $rc "$1 with $2 $3"
	[ $rc = 0 ] || sed 's/^/    /' ../err1
	if [ $rc = 0 ] && { [ -e out/model.safetensors ] ||
		[ -e out/open_clip_model.safetensors ]; }; then
		mmtool embed --both -m out data.mmt -o vectors.mmt 2>../err1
		say $? "$1 after $2 $3: the folder opens"
	fi
	if [ $rc = 0 ] && [ -s ../out1 ]; then
		eval "mmtool $2 -j 3 $3" >../out2 2>/dev/null </dev/null
		cmp -s ../out1 ../out2
		say $? "$1 with $2 $3: any number of threads"
	fi
	cd ..
}

# One architecture and one of its small presets, under a name: ARCH PRESET NAME
arch() {
	as=$3
	try "$as: train from scratch" mmtool train --arch "$1" --preset "$2" \
		--tokenizer "$FIX/vocab" -B 8 --steps 2 --save-every 1 -o "$as" \
		--val "$FIX/data.mmt" "$FIX/data.mmt" || return
	try "$as: resume" mmtool train --arch "$1" --preset "$2" \
		--tokenizer "$FIX/vocab" -B 8 --steps 2 --save-every 1 -o "$as" \
		--resume --val "$FIX/data.mmt" "$FIX/data.mmt"
	try "$as: train on" mmtool train -m "$as" -B 8 --steps 1 -o "$as-tuned" \
		"$FIX/data.mmt"
	try "$as: train in pieces" mmtool train -m "$as" -B 8 --steps 1 \
		--micro-batch-image 4 --micro-batch-text 2 -o "$as-pieces" \
		"$FIX/data.mmt"
	for head in classify fusion; do
		try "$as: train a head, $head" mmtool train -m "$as" -B 8 \
			--steps 2 --loss $head -o "$as-$head" "$FIX/labelled.mmt"
		try "$as: measure it" mmtool eval classify -m "$as-$head" \
			"$FIX/labelled.mmt"
		try "$as: quantize it" mmtool quantize -m "$as-$head" \
			-o "$as-$head-int8"
		try "$as: measure it in int8" mmtool eval classify \
			-m "$as-$head-int8" "$FIX/labelled.mmt"
	done
	mkdir "fix-$as"
	# shellcheck disable=SC2016
	try "$as: fixture" env MODEL="$PWD/$as" \
		sh -c 'cd "$1" && sh "$2"' sh "fix-$as" "$here/fixture.sh" ||
		return
	while read -r sub mode; do
		case $mode in '*') continue ;; esac
		runs="$here/$sub/smoke${mode:+-$mode}"
		[ -s "$runs" ] || continue
		while read -r line; do
			case " $line " in
			*" model "*) smoke "$as" "$sub${mode:+ $mode}" "$line" ;;
			esac
		done <"$runs"
	done <rows
}

mmtool describe commands >rows
mmtool describe architectures >archs
while read -r type preset others; do
	arch "$type" "$preset" "$type"
	case $others in
	open-*) arch "$type" "${others%% *}" "$type-open" ;;
	esac
done <archs
