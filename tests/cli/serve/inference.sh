# Pictures against texts: a form and JSON say the same.
. "$DATA/../cli/serve/server"
start
cd "$FIX/photos" || exit
result() { sed 's/, "model".*//'; }
curl -s "$url/multimodal/inference" -F image=@red-cross.png \
	-F image=@blue-circle.png -F text='a red cross' -F text='a blue circle' \
	-F text= | result >"$OLDPWD/form"
b64() { base64 -w 0 "$1"; }
cd "$OLDPWD" || exit
cat >body <<END
{"text": ["a red cross", "a blue circle", ""],
 "image": ["$(b64 "$FIX/photos/red-cross.png")",
	   "data:image/png;base64,$(b64 "$FIX/photos/blue-circle.png")"]}
END
curl -s "$url/multimodal/inference" -H "$json" -d @body | result >json
cmp form json && echo "the same"
sed 's/[-0-9.]*[0-9]/N/g' form
# One of each, and the reply's frame.
curl -s "$url/multimodal/inference" -F image=@"$FIX/photos/red-cross.png" \
	-F text=red -H 'X-Request-Id: me-1' -D head | sed 's/[-0-9.]*\.[0-9]*/N/g'
tr -d '\r' <head | grep -i '^X-Request-Id'
# As a browser sends it, files and all; unknown fields do not matter.
curl -s -o /dev/null -w '%{http_code}\n' "$url/multimodal/inference" \
	-F 'image=@'"$FIX/photos/red-cross.png"';type=image/png' \
	-F 'text=red;type=text/plain;charset=utf-8' -F submit=Go
stop
