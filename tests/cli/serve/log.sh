# A line of JSON for each request, on standard output where that is asked for.
. "$DATA/../cli/serve/server"
start --log - >log
curl -s "$url/v1/embeddings" -H "$json" -H 'X-Request-Id: one' -d '{"input": "a", "encoding_format": "base64"}' >/dev/null
curl -s "$url/nope" -H 'X-Request-Id: two' >/dev/null
# An id that could break a line is not taken over.
curl -s "$url/healthz" -H 'X-Request-Id: th ree"' >/dev/null
stop
sed 's/"\(time\|seconds\)": [0-9.e-]*/"\1": N/g; s/"id": "[0-9a-f]\{8\}-[0-9]*"/"id": MADE/' log |
	grep -v '"start"'
# A log that cannot be written is an error at the start.
mmtool serve --check -m "$FIX/model" --listen 127.0.0.1:0 --log /dev/full
echo $?
