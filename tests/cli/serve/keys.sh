# Only who sends a key is answered; health needs none.
. "$DATA/../cli/serve/server"
printf '# people\n  first-key-0123456789  \n\nsecond-key-0123456789\n' >keys
start --api-key-file keys
e=$url/v1/embeddings
status "$e" -H "$json" -d '{"input": "a"}'
status "$e" -H "$json" -d '{"input": "a"}' -H 'Authorization: Bearer no'
status "$e" -H "$json" -d '{"input": "a"}' -H 'Authorization: Bearer '
status "$e" -H "$json" -d '{"input": "a"}' \
	-H 'Authorization: Basic first-key-0123456789'
status "$e" -H "$json" -d '{"input": "a"}' \
	-H 'Authorization: Bearer first-key-01234567890'
for k in first-key-0123456789 second-key-0123456789; do
	status "$e" -H "$json" -d '{"input": "a"}' -H "Authorization: bearer $k"
	status "$e" -H "$json" -d '{"input": "a"}' -H "X-API-Key: $k"
done
for p in / /healthz /readyz /openapi.json /metrics /v1/models; do
	echo "$p $(curl -s -o /dev/null -w '%{http_code}' "$url$p")"
done
curl -si "$e" -d x | tr -d '\r' | grep -i '^WWW-Auth'
stop
echo '# bad files'
: >empty
echo short >short
printf 'a key with blanks and more' >blanks
for f in empty short blanks none; do
	mmtool serve -m "$FIX/model" --listen 127.0.0.1:0 --api-key-file $f
	echo $?
done 2>&1
