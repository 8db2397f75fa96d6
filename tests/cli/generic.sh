#!/bin/sh
# What must hold for every row of the command table.  A row's file
# tests/cli/SUB/smoke (of a mode: smoke-MODE) holds the arguments of runs that
# succeed on the fixture, one run a line.
#
# Prints "ok NAME" or "FAIL NAME" for each thing tried.
here=$(dirname "$0")

say() { # status NAME
	if [ "$1" = 0 ]; then set -- ok "$2"; else set -- "FAIL generic" "$2"; fi
	printf '%s %s\n' "$1" "$2"
}
expect() { # WANTED-STATUS NAME COMMAND...
	want=$1 name=$2
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$want" ]
	say $? "$name"
	[ "$got" = "$want" ] || { echo "  exit $got, not $want" && cat err; }
}
full() { "$@" >/dev/full; }

row() {
	sub=${1%% *} row=$1
	# shellcheck disable=SC2086
	set -- $1
	expect 0 "$row --help" mmtool "$@" --help
	grep -q "^usage: mmtool $row" out
	say $? "$row: help says how to use it"
	! awk 'length > 80 { found = 1 } END { exit !found }' out
	say $? "$row: help fits 80 columns"
	expect 0 "help $row" mmtool help "$@"
	expect 1 "$row --help >/dev/full" full mmtool "$@" --help
	expect 2 "$row: unknown option" mmtool "$@" --nonesuch
	grep -q "unknown option '--nonesuch'" err
	say $? "$row: unknown option is named"
	if [ -n "$family" ]; then
		expect 2 "$row: no mode" mmtool "$@"
		expect 2 "$row: unknown mode" mmtool "$@" nonesuch
		return
	fi
	expect 2 "$row: unknown name in --config" \
		mmtool "$@" --config "$PWD/config"
	smoke="$here/$sub/smoke${2:+-$2}"
	[ -s "$smoke" ]
	say $? "$row: has tests/cli/$sub/$(basename "$smoke")"
	[ -s "$smoke" ] || return
	while read -r line; do
		smoke "$row" "$line"
	done <"$smoke"
}

# One run of the smoke file: works, does not depend on the threads, and is
# told when nobody takes its output.
smoke() {
	name="$1 $2"
	rm -rf run && cp -r "$FIX" run && cd run || return
	eval "mmtool $1 $2" >../out1 2>../err1 </dev/null
	rc=$?
	say $rc "$name"
	[ $rc = 0 ] || sed 's/^/    /' ../err1
	if [ -s ../out1 ]; then
		eval "mmtool $1 -j 3 $2" >../out2 2>/dev/null </dev/null
		cmp -s ../out1 ../out2
		say $? "$name: any number of threads"
		eval "mmtool $1 $2" >/dev/full 2>../err1 </dev/null
		[ $? = 1 ] && [ -s ../err1 ]
		say $? "$name >/dev/full"
		(
			eval "mmtool $1 $2" 2>../err1 </dev/null
			echo $? >../rc
		) | head -c 1 >/dev/null
		! grep -qi 'cannot write\|broken pipe' ../err1 && case $(cat ../rc) in
		0 | 141) ;;
		*) false ;;
		esac
		say $? "$name | head -c 1"
	fi
	cd ..
}

echo 'nonesuch = 1' >config
mmtool describe commands >rows
while read -r line; do
	family=
	case $line in *' *') family=yes line=${line% \*} ;; esac
	row "$line"
done <rows

expect 0 "--help" mmtool --help
expect 0 "help" mmtool help
expect 0 "--version" mmtool --version
expect 2 "no command" mmtool
expect 2 "unknown command" mmtool frobnicate
expect 2 "unknown option" mmtool --nonesuch
expect 1 "--help >/dev/full" full mmtool --help
expect 1 "--version >/dev/full" full mmtool --version
sh -c 'mmtool --help >&-' 2>err
[ $? = 1 ]
say $? "--help, standard output closed"
mmtool describe completion >completion
bash -n completion
say $? "bash completion parses"
bash "$here/completion.bash" completion rows >offers 2>&1
rc=$?
say $rc "bash completion has every command, option and word"
[ $rc = 0 ] || sed 's/^/    /' offers

# Manual: a page for each command, the usual sections, no roff warnings.
while read -r sub _; do
	page=$(dirname "$MMTOOL")/man/mmtool-$sub.1
	[ -s "$page" ]
	say $? "mmtool-$sub.1 exists"
done <rows
for page in "$(dirname "$MMTOOL")"/man/*; do
	name=$(basename "$page")
	for s in NAME DESCRIPTION 'SEE ALSO'; do
		grep -q "^\.SH \"*$s" "$page"
		say $? "$name: section $s"
	done
	case $name in
	*.1) for s in SYNOPSIS EXAMPLES 'EXIT STATUS'; do
		grep -q "^\.SH \"*$s" "$page"
		say $? "$name: section $s"
	done ;;
	esac
	command -v groff >/dev/null || continue
	groff -man -Tutf8 -ww -z "$page" >roff 2>&1
	[ ! -s roff ]
	say $? "$name: no warnings from groff"
	[ ! -s roff ] || sed 's/^/    /' roff
done
