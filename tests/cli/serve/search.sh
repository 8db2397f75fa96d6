# The gallery: what is found is what search finds.
. "$DATA/../cli/serve/server"
cp -r "$FIX/photos" .
start -g "$FIX/gallery.mmt"
hits() {
	tr '{' '\n' | sed -n 's/"rank": \([0-9]*\), "score": \([-0-9.e]*\), "id": "\([^"]*\)".*/\1 \2 \3/p' |
		awk '{ printf "%d %.4f %s\n", $1, $2, $3 }'
}
curl -s "$url/v1/search" -F text='a red cross' -F k=5 | hits >got
mmtool search -m "$FIX/model" -g "$FIX/gallery.mmt" -k 5 'a red cross' | cmp - got &&
	echo "words: the same"
curl -s "$url/v1/search" -F image=@"$FIX/photos/blue-circle.png" | hits >got
mmtool search -m "$FIX/model" -g "$FIX/gallery.mmt" -k 10 "$FIX/photos/blue-circle.png" | cmp - got &&
	echo "a picture: the same"
curl -s "$url/v1/search" -H "$json" -d '{"text": "x", "k": 1000}' | hits | wc -l
p=$(curl -s "$url/v1/search" -F text=x -F k=1 | sed 's/.*"picture": "\([^"]*\)".*/\1/')
curl -s -o picture -w '%{http_code} %{content_type}\n' "$url$p"
id=$(curl -s "$url/v1/search" -F text=x -F k=1 | sed 's/.*"id": "\([a-z-]*\)".*/\1/;q')
cmp picture "photos/$id.png" && echo "its picture"
for row in 15 16 -1 99999999999999999999999 0x1 '' 1/2; do
	curl -s -o /dev/null -w "$row %{http_code}\n" "$url/gallery/$row"
done
status "$url/v1/search" -F text=x -F k=0
status "$url/v1/search" -F text=x -F k=1001
status "$url/v1/search" -F text=x -F k=-5
status "$url/v1/search" -F text=x -F k=99999999999999999999
status "$url/v1/search" -H "$json" -d '{"text": "x", "k": -9223372036854775808}'
status "$url/v1/search" -H "$json" -d '{"text": "x", "k": 2.5}'
status "$url/v1/search" -F text=x -F text=y
status "$url/v1/search" -F k=1
stop
echo '# bad galleries'
cp "$FIX/shapes.mmt" "$FIX/gallery.mmt" .
check() { mmtool serve --check -m "$FIX/model" --listen 127.0.0.1:0 "$@"; }
check -g none.mmt
check -g shapes.mmt
check -g gallery.mmt --column text
cat gallery.mmt | check -g -
