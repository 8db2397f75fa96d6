# Does completion offer every command, and for each the options and the words
# that its --help prints?  From generic.sh:
#
#	bash completion.bash COMPLETION ROWS
#
# ROWS is what `mmtool describe commands` prints.
set -u
. "$1"
bad=0
complain() {
	echo "$1"
	bad=1
}

# offers WORD...: what is offered for the last of them, sorted.
offers() {
	COMP_WORDS=(mmtool "$@") COMP_CWORD=$# COMPREPLY=()
	_mmtool
	[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

# of_help COMMAND...: the options of --help; of a switch that is on, --no-X.
of_help() {
	mmtool "$@" --help |
		sed -n 's/^ \( -[a-zA-Z0-9],\|    \) --\(\[no-\]\)\{0,1\}\([^ ]*\).*/\2 --\3/p' |
		sed 's/^\[no-\] --/--no-/; s/^ //' | sort -u
}

offers '' >offered
while read -r name mode; do
	grep -qx -- "$name" offered || complain "$name is not offered"
	[ "$mode" != '*' ] || mode=
	[ -z "$mode" ] || offers "$name" '' | grep -qx -- "$mode" ||
		complain "$name $mode is not offered"
	if grep -qx "$name \*" "$2" && [ -z "$mode" ]; then
		continue
	fi
	set -- "$1" "$2" "$name" ${mode:+"$mode"}
	diff <(offers "${@:3}" --) <(of_help "${@:3}") ||
		complain "$name $mode: other options than --help has"
	# --option one|two: words of lower case alone are choices.
	mmtool "${@:3}" --help | sed -n \
		's/^ \( -[a-zA-Z0-9],\|    \) \(--[a-z0-9-]*\) \([a-z0-9_-]*|[a-z0-9_|-]*\)\( .*\)\{0,1\}$/\2 \3/p' \
		>choices
	while read -r option words; do
		diff <(offers "${@:3}" "$option" '') \
			<(tr '|' '\n' <<<"$words" | sort -u) ||
			complain "$name $mode $option: other words"
	done <choices
done <"$2"
exit $bad
