#!/bin/sh
# Tests of the command line.  Three kinds, the last line counts them:
#
#   tests/cli/SUB/NAME.sh	run in a scratch folder; stdout, stderr and exit
#				status must equal NAME.out, NAME.err, NAME.rc
#				(absent: empty, empty, 0)
#   every row of the table	tests/cli/generic.sh
#   every example of man/	tests/cli/examples.sh
#   every architecture		tests/cli/matrix.sh: with every command
#
#	usage: [UPDATE=1] tests/cli/run.sh [SUB[/NAME] | generic | examples | matrix]...
#
# UPDATE=1 rewrites the expectations.  A test sees mmtool in PATH, DATA
# (tests/data), FIX (made once by fixture.sh: data, models; not to be changed)
# and MMTOOL_SHARED.
here=$(cd "$(dirname "$0")" && pwd)
root=${here%/tests/cli}
: "${MMTOOL:=$root/build/mmtool}" "${MMTOOL_SHARED:=$root/../shared}"
DATA=$root/tests/data
scratch=$(mktemp -d)
FIX=$scratch/fix
MAN=$root/man
PATH=$(dirname "$MMTOOL"):$PATH
export MMTOOL MMTOOL_SHARED DATA FIX MAN PATH LC_ALL=C
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$FIX"
passed=0 failed=0

wanted() {
	[ -z "$only" ] && return 0
	for w in $only; do
		case $1 in "$w" | "$w"/*) return 0 ;; esac
	done
	return 1
}

# compare KIND WANT GOT
compare() {
	[ -e "$2" ] || set -- "$1" /dev/null "$3"
	diff -u --label "expected $1" --label "got $1" "$2" "$3"
}

update() {
	for k in out err; do
		rm -f "$1.$k"
		[ -s "$scratch/got.$k" ] && cp "$scratch/got.$k" "$1.$k"
	done
	rm -f "$1.rc"
	[ "$(cat "$scratch/got.rc")" = 0 ] || cp "$scratch/got.rc" "$1.rc"
}

run_case() {
	base=${1%.sh} name=${1#"$here"/} name=${name%.sh}
	rm -rf "$scratch/work" && mkdir "$scratch/work"
	(cd "$scratch/work" && sh "$1" >../got.out 2>../got.err </dev/null)
	echo $? >"$scratch/got.rc"
	if head -n 1 "$scratch/got.out" | grep '^skip: '; then
		passed=$((passed + 1))
		return
	fi
	[ -n "$UPDATE" ] && update "$base"
	echo 0 >"$scratch/want.rc"
	[ -e "$base.rc" ] && cp "$base.rc" "$scratch/want.rc"
	if compare stdout "$base.out" "$scratch/got.out" >"$scratch/diff" &&
		compare stderr "$base.err" "$scratch/got.err" \
			>"$scratch/diff" &&
		compare status "$scratch/want.rc" "$scratch/got.rc" \
			>"$scratch/diff"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL cli $name"
		sed 's/^/    /' "$scratch/diff"
	fi
}

# Scripts that print a line "ok NAME" or "FAIL NAME" for each thing tried.
run_loop() {
	rm -rf "$scratch/work" && mkdir "$scratch/work"
	(cd "$scratch/work" && sh "$here/$1.sh" || echo "FAIL $1.sh") \
		>"$scratch/loop" 2>&1 </dev/null
	passed=$((passed + $(grep -c '^ok ' "$scratch/loop")))
	failed=$((failed + $(grep -c '^FAIL ' "$scratch/loop")))
	grep -v '^ok ' "$scratch/loop"
}

only=$*
if ! (cd "$FIX" && sh "$here/fixture.sh") >"$scratch/log" 2>&1 </dev/null; then
	failed=1
	echo "FAIL cli fixture"
	sed 's/^/    /' "$scratch/log"
fi
for t in "$here"/*/*.sh; do
	name=${t#"$here"/}
	[ -e "$t" ] && wanted "${name%.sh}" && run_case "$t"
done
wanted generic && run_loop generic
wanted examples && run_loop examples
wanted matrix && run_loop matrix
echo "cli: $passed passed, $failed failed"
[ "$failed" = 0 ]
