# What cannot be answered is refused, in one shape.
. "$DATA/../cli/serve/server"
start --max-inputs 4 --max-text 100 --max-pixels 1000
e=$url/v1/embeddings i=$url/multimodal/inference red=$FIX/photos/red-cross.png
echo '# paths'
status "$url/nope"
status "$url/v1/models/gpt"
status -X DELETE "$e"
status -X POST -d x "$url/healthz"
status "$url/gallery/0"
status "$url/v1/search" -F text=x
echo '# JSON'
status "$e" -d '{}'
status "$e" -H "$json" -d ''
status "$e" -H "$json" -d '{'
status "$e" -H "$json" -d '{"input": "a"} trailing'
status "$e" -H "$json" -d '[1]'
status "$e" -H "$json" -d '{"input": "a", "input": "b"}'
for n in $(seq 3000); do printf '['; done >deep
status "$e" -H "$json" -d @deep
printf '{"input": "\377"}' >noise
status "$e" -H "$json" -d @noise
status "$e" -H "$json" -H 'Content-Encoding: gzip' -d '{}'
status "$e" -H "$json" -d '{"input": 1e999}'
status "$e" -H "$json" -d '{"input": 99999999999999999999}'
echo '# input'
status "$e" -H "$json" -d '{}'
status "$e" -H "$json" -d '{"input": []}'
status "$e" -H "$json" -d '{"input": null}'
status "$e" -H "$json" -d '{"input": [[1, 2]]}'
status "$e" -H "$json" -d '{"input": {"text": "a", "image": "b"}}'
status "$e" -H "$json" -d '{"input": ["a", "b", "c", "d", "e"]}'
status "$e" -H "$json" -d '{"input": "a\u0000b"}'
head -c 101 /dev/zero | tr '\0' a >long
status "$e" -H "$json" -d "{\"input\": \"$(cat long)\"}"
status "$e" -H "$json" -d '{"input": "a", "model": "gpt"}'
status "$e" -H "$json" -d '{"input": "a", "model": 7}'
status "$e" -H "$json" -d '{"input": "a", "dimensions": -1}'
status "$e" -H "$json" -d '{"input": "a", "encoding_format": "hex"}'
status "$e" -H "$json" -d '{"input": "a", "modality": "audio"}'
echo '# pictures'
status "$e" -H "$json" -d '{"input": "data:image/png;base64"}'
status "$e" -H "$json" -d '{"input": {"image": "data:text/plain;base64,YQ=="}}'
status "$e" -H "$json" -d '{"input": "data:image/png,abc"}'
status "$e" -H "$json" -d '{"input": "data:image/png;base64,!"}'
status "$e" -H "$json" -d '{"input": "data:image/png;base64,YQ"}'
status "$e" -H "$json" -d '{"input": {"image": "https://example.org/a.png"}}'
status "$e" -H "$json" -d '{"input": {"image": ""}}'
status "$i" -F image=@"$red" -F text=x # 32 x 32
echo '# forms'
status "$i" -F text=x
status "$i" -F image=@"$red"
status "$i" -F image=@/dev/null -F text=x
status "$i" -F 'image=a text' -F text=x
status "$i" -H 'Content-Type: multipart/form-data' -d x
status "$i" -H 'Content-Type: multipart/form-data; boundary=b' -d x
status "$i" -H 'Content-Type: multipart/form-data; boundary=b' \
	--data-binary '--b'
printf -- '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nx' >open
status "$i" -H 'Content-Type: multipart/form-data; boundary=b' \
	--data-binary @open
status "$i" -d 'image=a&text=b'
curl -s "$url/readyz"
stop
