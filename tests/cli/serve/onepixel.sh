# Pictures of one pixel, of very many, and half of one.
. "$DATA/../cli/serve/server"
start
one=iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==
status "$url/v1/embeddings" -H "$json" -d "{\"input\": {\"image\": \"$one\"}}"
# 8000 x 6250, told by the header alone: refused before a pixel is read.
{
	printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\037\100\0\0\030\152\010\002\0\0\0'
	printf '\352\003\042\175'
	printf '\0\0\0\0IDAT\065\257\006\036\0\0\0\0IEND\256\102\140\202'
} >many.png
status "$url/multimodal/inference" -F image=@many.png -F text=x
head -c 60 "$FIX/photos/red-cross.png" | base64 -w 0 >cut
status "$url/v1/embeddings" -H "$json" -d "{\"input\": {\"image\": \"$(cat cut)\"}}"
status "$url/multimodal/inference" -F image=@"$FIX/photos/red-cross.png" -F text=x
stop
