# The page and the description are whole, and ask nobody else.
. "$DATA/../cli/serve/server"
start
curl -s -D head -o page "$url/"
tr -d '\r' <head | grep -i '^content-type\|^content-security' | cut -c 1-60
cmp page "$DATA/../../lib/serve/page.html" && echo "as it stands"
grep -c 'https\?://\|src="/\|@import\|url(' page
curl -s -o openapi -w '%{content_type}\n' "$url/openapi.json"
cmp openapi "$DATA/../../lib/serve/openapi.json" && echo "as it stands"
# Every path of the table is described.
sed -n 's/^	{ "[A-Z]*", "\([^"]*\)".*/\1/p' "$DATA/../../lib/serve/route.c" |
	grep -v '^/$\|^/openapi.json$' |
	while read -r p; do
		grep -q "\"$p[^\"]*\": {" openapi || echo "not described: $p"
	done
# Figures: names, types and samples as Prometheus wants them.
curl -s "$url/v1/embeddings" -H "$json" -d '{"input": ["a", "b"]}' >/dev/null
curl -s "$url/nope" >/dev/null
curl -s -w '%{content_type}\n' "$url/metrics" >metrics
tail -n 1 metrics
sed '$d' metrics | grep -vc '^# \(HELP\|TYPE\) mmtool_[a-z_]* [a-zA-Z0-9]\|^mmtool_[a-z_]*\({[^}]*}\)\? [0-9.e+-]*$'
grep 'requests_total{\|batch_size_count\|inputs_total{\|queue_capacity [0-9]' metrics
# Only what was asked for: no body for HEAD, no length of one either way.
curl -sI "$url/" | tr -d '\r' | grep -ci "^content-length: $(wc -c <page)\$"
stop
