# sizes of every recipe, and what options make of one
cp "$FIX/photos/red-circle.png" "$FIX/photos/red-circle.txt" .
size() {
	mmtool preprocess "$@" . | mmtool view - | sed -n 's/^  image  *U8 *//p'
}
for p in document openai-clip open_clip hf-clip siglip align blip vit imagenet; do
	echo "$p $(size --preset $p)"
done
size --image-size 64
size --image-size 64x32
size --image-size 64 --fit squash
size --fit shortest --preset blip
size --fit longest --image-size 40x60
mmtool preprocess --preset siglip --mean 0.1,0.2,0.3 . |
	mmtool view --rows 0 - | grep 'image\.\|preset'
mmtool preprocess --preset align . | mmtool view --rows 0 - | grep 'image\.'
