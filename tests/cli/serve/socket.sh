# A socket file: made, taken over from a dead server, removed at the end.
. "$DATA/../cli/serve/server"
mmtool serve -m "$FIX/model" --listen unix:s.sock 2>server.err &
pid=$!
trap 'kill $pid 2>/dev/null' EXIT
up() { [ -S s.sock ] && curl -sf --unix-socket s.sock http://x/readyz; }
await up
stat -c %a s.sock
mmtool serve --check -m "$FIX/model" --listen unix:s.sock
echo "second server: $?"
kill -9 $pid
wait $pid 2>/dev/null
[ -S s.sock ] && echo "left behind"
mmtool serve -q --check -m "$FIX/model" --listen unix:s.sock
echo "after it: $?"
[ -e s.sock ] || echo "removed"
: >s.sock
mmtool serve --check -m "$FIX/model" --listen unix:s.sock
echo "a file: $?"
echo '# addresses'
for a in nonsense 127.0.0.1 127.0.0.1:99999x :80 'unix:' 127.0.0.1:http; do
	mmtool serve --check -m "$FIX/model" --listen "$a"
	echo $?
done
