# Clients that do not get on are sent away; grace has an end.
. "$DATA/../cli/serve/server"
start --timeout 0.5
talk() {
	raw "$@" | grep -v '^Date\|^X-Request' |
		sed 's/"request_id": "[^"]*"/"request_id": .../'
}
post='POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"input": '
echo '# half a header'
talk 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-Some: '
echo '# half a body'
talk "$post"
echo '# nothing'
talk ''
echo '# one idle after its answer'
talk 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'
stop
echo '# half a body when it should end'
start --grace 0.3
raw "$post" >/dev/null &
metric() { curl -s "$url/metrics" | grep -qx "mmtool_$1"; }
await metric 'requests_open 2'
stop >ended
sed 's/ [0-9]* requests//' ended
