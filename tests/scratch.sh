# shellcheck shell=sh
# For scripts in tests/*/, which read it with `.`: a scratch folder to work in,
# $work, that goes when the script ends; in it fix/, which fixture.sh makes.
# A server of theirs, $pid, ends with them.  Sets root, MMTOOL, DATA and PATH.
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${MMTOOL:=$root/build/mmtool}"
DATA=$root/tests/data
PATH=$(dirname "$MMTOOL"):$PATH
export DATA PATH LC_ALL=C
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1
mkdir fix && (cd fix && sh "$root/tests/cli/fixture.sh" 2>/dev/null) || exit 1
