# A model that cannot be written leaves nothing, whichever part fails; a folder
# that was there stays as it was.
G=$DATA/../golden/tiny-clipa/model
cp -r "$G" image && cp -r "$G" text && chmod -R u+w image text
sed 's/"layers": 2/"layers": 3/' "$G/open_clip_config.json" \
	>image/open_clip_config.json
sed 's/"vocab_size": 40/"vocab_size": 41/' "$G/open_clip_config.json" \
	>text/open_clip_config.json
for m in image text; do
	mmtool export -m $m -o out
	mmtool export -m $m -o deep/er
	mmtool export -m $m --external-data -o out
	ls
done
mkdir there && echo mine >there/file
mmtool export -m text -o there 2>/dev/null
ls there
mmtool export -m "$G" -o there -q && mmtool export -m text -o there 2>/dev/null
ls there/onnx
