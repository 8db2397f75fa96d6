# SIGTERM: what was accepted is answered, what comes later is told to go.
. "$DATA/../cli/serve/server"
start
printf '{"input": "a red circle", "encoding_format": "base64"}' >body
curl -s "$url/v1/embeddings" -H "$json" -d @body | vectors >want
# A request of which half has come.
raw 'POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 54\r\n\r\n{"input": "a red circle",' \
	' "encoding_format": "base64"}' >slow &
slow=$!
metric() { curl -s "$url/metrics" | grep -qx "mmtool_$1"; }
await metric 'requests_open 2'
kill -TERM $pid
unready() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/readyz")" = 503 ]; }
await unready
status "$url/v1/embeddings" -H "$json" -d @body
curl -s "$url/healthz"
curl -s -D - -o /dev/null "$url/healthz" | grep -ic '^connection: close'
: >go
wait $slow
head -n 1 slow
vectors <slow | cmp - want && echo "the slow one was answered"
wait $pid
echo "ended with $?"
sed -n 's/.*requests were/requests were/p' server.err
# Nobody listens there any more.
curl -s -o /dev/null "$url/healthz"
echo "curl $?"
