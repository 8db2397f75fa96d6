#!/bin/sh
# Run every example of the manual in a copy of the fixture, those of a page in
# one copy, from top to bottom.
#
#	.EX
#	$ mmtool view data.mmt
#	what it prints, if the page shows it: compared word for word
#	.EE
#
# A line ending in a backslash goes on.  `.\" background` in front of .EX starts
# the command and leaves it running until the page ends (a server).
#
# Prints "ok NAME" or "FAIL NAME" for each example.
for page in "$MAN"/*.[157]; do
	name=$(basename "$page")
	rm -rf run && cp -r "$FIX" run
	# Each command and what it prints, in files N.sh and N.want.
	rm -rf ex && mkdir ex
	sed -e 's/\\(aq/'\''/g; s/\\(dq/"/g; s/\\(ha/^/g; s/\\(ti/~/g' \
		-e 's/\\(rs/\\/g; s/\\-/-/g; s/\\&//g; s/\\e/\\/g' "$page" |
		awk '
		/^\.\\" background/ { back = 1 }
		/^\.EX/ { on = 1; next }
		/^\.EE/ { on = 0; back = 0; next }
		!on { next }
		more { print >f; more = /\\$/; next }
		/^\$ / {
			f = sprintf("ex/%03d.%s", ++n, back ? "bg" : "sh")
			w = sprintf("ex/%03d.want", n)
			print substr($0, 3) >f
			more = /\\$/
			next
		}
		{ print >w }'
	jobs=
	for f in ex/*; do
		[ -e "$f" ] || continue # a page without examples
		n=$(basename "$f") && kind=${n#*.} n=${n%.*}
		what="$name: $(head -n 1 "$f")"
		case $kind in
		bg)
			# exec: what is killed at the end is the command itself
			(cd run && eval "exec $(cat "../$f")" >/dev/null 2>&1) &
			jobs="$jobs $!"
			printf 'ok %s\n' "$what" ;;
		sh)
			if ! (cd run && sh "../$f") >out 2>err </dev/null ||
				{ [ -e "ex/$n.want" ] &&
					! diff "ex/$n.want" out >err; }; then
				printf 'FAIL example %s\n' "$what"
				sed 's/^/    /' err
			else
				printf 'ok %s\n' "$what"
			fi ;;
		esac
	done
	# shellcheck disable=SC2086
	[ -z "$jobs" ] || kill $jobs
done
exit 0
