# An answer goes out when it is there, not when somebody looks the next time:
# thirty in a row, on one connection, in much less than thirty seconds.
. "$DATA/../cli/serve/server"
start
timeout 20 curl -s "$url/v1/embeddings?[1-30]" -H "$json" -d '{"input": "a"}' |
	grep -c '"embedding"'
stop
