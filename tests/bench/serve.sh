#!/bin/sh
# mmtool serve beside mmtool embed: inputs a second that clients get out of a
# server, as a share of what embed does with the same batch, and how long a
# client waits where requests come evenly at half of the most that the server
# did.
#
#	usage: tests/bench/serve.sh [MODEL PICTURE]
#
# MODEL is a folder, PICTURE what is sent as one; without them a small CLIP and
# a picture of the tests.  A line:
#
#	what  inputs/s of embed, of serve  their ratio
#	      microseconds of processor time that an input costs the server
#	      p50, p99 at half load
#
# "x 32" is 32 inputs in one request, else each request has one; a form has a
# picture and a text, and counts as one.  Rates are the best of three.
# Everything runs on this machine, the clients too: they take their share of it.
# Where wrk is installed it asks as well, and its requests/s follow.
set -u
: "${SECONDS_EACH:=4}" "${CLIENTS:=64}"
model= picture=
[ $# -lt 2 ] || { model=$(realpath "$1") && picture=$(realpath "$2"); }
. "$(dirname "$0")/../scratch.sh"
load=$(dirname "$MMTOOL")/tests/bench/load
: "${model:=$work/fix/model}" "${picture:=$DATA/shapes/red-cross.png}"

ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
now() { date +%s.%N; }
calc() { awk "BEGIN { printf \"%.1f\", $1 }"; }

# ---- bodies ----
uri="data:image/png;base64,$(base64 -w 0 "$picture")"
caption=$(head -n 1 fix/captions.txt)
list() { # list ITEM: 32 of it
	awk -v item="$1" 'BEGIN { for (i = 0; i < 32; i++)
		printf "%s%s", i ? ", " : "", item }' </dev/null
}
b64=', "encoding_format": "base64"'
printf '{"input": "%s"%s}' "$caption" "$b64" >text
printf '{"input": [%s]%s}' "$(list "\"$caption\"")" "$b64" >text32
printf '{"input": {"image": "%s"}%s}' "$uri" "$b64" >json
# awk's command line is too short for 32 large pictures.
{
	printf '{"input": ['
	for i in $(seq 32); do
		[ "$i" = 1 ] || printf ', '
		printf '{"image": "%s"}' "$uri"
	done
	printf ']%s}' "$b64"
} >json32
{
	printf -- '--b0und\r\nContent-Disposition: form-data; name="image"; '
	printf 'filename="a"\r\n\r\n'
	cat "$picture"
	printf '\r\n--b0und\r\nContent-Disposition: form-data; name="text"'
	printf '\r\n\r\n%s\r\n--b0und--\r\n' "$caption"
} >form

mmtool embed -q --image -m "$model" "$picture" -o out.mmt &&
	mmtool embed -q --text -m "$model" fix/captions.txt -o out.mmt || exit 1

# ---- embed: what N inputs more cost, so that its start does not count ----
embed() { # embed KIND N
	rm -rf in && mkdir in
	if [ "$1" = text ]; then
		awk -v s="$caption" -v n="$2" \
			'BEGIN { while (n-- > 0) print s }' >in/lines.txt
		set -- --text in/lines.txt
	else
		for i in $(seq "$2"); do ln -s "$picture" "in/$i.png"; done
		set -- --image in
	fi
	for try in 1 2 3; do
		begin=$(now)
		mmtool embed -q -B 32 -m "$model" "$@" -o out.mmt || exit 1
		calc "1000 * ($(now) - $begin)" && echo
	done | sort -n | head -n 1
}
embed_rate() { # embed_rate KIND
	few=32 many=64
	short=$(embed "$1" $few)
	while :; do
		long=$(embed "$1" $many)
		[ "${long%.*}" -lt $((${short%.*} + 1500)) ] || break
		many=$((many * 2))
	done
	calc "1000 * ($many - $few) / ($long - $short)"
}

# ---- serve ----
: >server.err
mmtool serve -m "$model" --listen 127.0.0.1:0 --max-body 1G \
	--max-bodies 8G --queue 4096 2>server.err &
pid=$!
url=
while [ -z "$url" ] && kill -0 $pid 2>/dev/null; do
	url=$(sed -n 's/.* is served at //p' server.err)
	[ -n "$url" ] || sleep 0.05
done
[ -n "$url" ] || { cat server.err >&2 && exit 1; }
where=${url#http://}
measure() { # measure NAME KIND PATH BODY INPUTS; of KIND both, last
	if [ "$2" = both ]; then
		own=$(calc "1 / (1 / $rate_text + 1 / $rate_image)")
	else
		eval "own=\${rate_$2:-}"
		[ -n "$own" ] || own=$(embed_rate "$2")
		eval "rate_$2=$own"
	fi
	clients=$CLIENTS
	[ "$5" = 1 ] || clients=4
	begin=$(ticks)
	"$load" -c "$clients" -d "$SECONDS_EACH" "$where" "$3" "$4" >first
	cost=$(sed 's/.* ok=\([^ ]*\).*/\1/' first | awk -v n="$5" \
		-v t="$(($(ticks) - begin))" -v hz="$(getconf CLK_TCK)" \
		'{ printf "%.0f", 1e6 * t / hz / ($1 * n) }')
	full_rate=$({ cat first && for try in 2 3; do
		"$load" -c "$clients" -d "$SECONDS_EACH" "$where" "$3" "$4"
	done; } | sed 's/.* rate=\([^ ]*\).*/\1/' | sort -n | tail -n 1)
	half=$(calc "$full_rate / 2")
	eval "$("$load" -c 512 -r "$half" -d "$SECONDS_EACH" "$where" "$3" \
		"$4")"
	printf '%-22s %9.1f %9.1f  %5.2f %8d us %8.2f %8.2f ms\n' "$1" "$own" \
		"$(calc "$full_rate * $5")" \
		"$(calc "100 * $full_rate * $5 / $own" | awk '{ print $1 / 100 }')" \
		"$cost" "$p50" "$p99"
	[ "$lost$refused$other" = 000 ] ||
		echo "  lost $lost, refused $refused, other $other"
}
by_wrk() { # by_wrk PATH BODY TYPE
	command -v wrk >/dev/null || return 0
	cat >post.lua <<-END
	wrk.method = "POST"
	wrk.body = io.open("$2"):read("*a")
	wrk.headers["Content-Type"] = "$3"
	END
	printf '  by wrk %31s\n' "$(wrk -t 1 -c "$CLIENTS" -d "$SECONDS_EACH" \
		-s post.lua "$url$1" | awk '/Requests\/sec/ { r = $2 }
		/Non-2xx/ { r = r ", others " $NF } END { print r }')"
}
printf '%-22s %9s %9s  %5s %11s %8s %8s\n' '' embed/s serve/s ratio \
	processor p50 p99
measure text text /v1/embeddings text 1
by_wrk /v1/embeddings text application/json
measure "text x 32" text /v1/embeddings text32 32
measure "picture, JSON" image /v1/embeddings json 1
by_wrk /v1/embeddings json application/json
measure "picture, JSON x 32" image /v1/embeddings json32 32
measure form both /multimodal/inference form 1
by_wrk /multimodal/inference form 'multipart/form-data; boundary=b0und'
kill $pid
wait $pid
pid=
