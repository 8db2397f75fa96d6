#!/bin/sh
# A server that is asked for four times what it can do, then told to stop in
# the middle of it: answers are 2xx, 429 or 503 and nothing else, memory stays
# where it was, and nobody whose request was taken goes without an answer.
#
#	usage: tests/torture/serve.sh [SECONDS [MODEL [PICTURE]]]
#
# SECONDS (60); MODEL is a folder, PICTURE what is sent as one: without them a
# small CLIP and a picture of the tests.  Prints memory as it goes; the last
# line is the verdict.
set -u
seconds=${1:-60}
model= picture=
[ $# -lt 2 ] || model=$(realpath "$2")
[ $# -lt 3 ] || picture=$(realpath "$3")
. "$(dirname "$0")/../scratch.sh"
load=$(dirname "$MMTOOL")/tests/bench/load
: "${model:=$work/fix/model}" "${picture:=$DATA/shapes/red-cross.png}"
printf '{"input": {"image": "data:image/png;base64,%s"}}' \
	"$(base64 -w 0 "$picture")" >image
printf '{"input": "a red cross"}' >text
printf '{"input": "a red cross", "encoding_format": "base64"}' >b64

: >server.err
mmtool serve -m "$model" --listen 127.0.0.1:0 2>server.err &
pid=$! url=
while [ -z "$url" ] && kill -0 $pid; do
	url=$(sed -n 's/.* is served at //p' server.err)
	[ -n "$url" ] || sleep 0.05
done
where=${url#http://}
memory() { awk '/VmRSS/ { print $2 }' /proc/$pid/status; }

eval "$("$load" -c 64 -d 5 "$where" /v1/embeddings image text b64)"
full=$rate
echo "at most $full a second; $(memory) kB"
"$load" -c 512 -r "$(awk "BEGIN { print 4 * $full }")" -d $((seconds + 30)) \
	"$where" /v1/embeddings image text b64 >answers &
client=$!
: >memory
for i in $(seq 20); do
	sleep "$(awk "BEGIN { print $seconds / 20 }")"
	echo "$((seconds * i / 20)) s: $(memory) kB" | tee -a memory
done
kill -TERM $pid
wait $pid
ended=$?
pid=
wait $client
cat answers
tail -n 1 server.err
eval "$(cat answers)"
given_up=$(sed -n 's/.* answered, \([0-9]*\) given up/\1/p' server.err)

# The last quarter of the time against the second.
grown=$(awk 'NR > 5 && NR <= 10 { a += $3 } NR > 15 { b += $3 }
	END { printf "%d", 1000 * b / a - 1000 }' memory)
echo "answered $((ok + r429 + r503 + other)), other $other, lost $lost," \
	"given up $given_up; memory $grown per mille; ended with $ended"
[ "$other$lost$given_up$ended" = 000143 ] && [ "$grown" -lt 20 ] &&
	[ "$ok" -gt 0 ] && echo passed && exit
echo failed
exit 1
