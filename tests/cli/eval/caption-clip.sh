# CLIPScore by a model: pictures are found by their ids, or by the number at
# the end of their names; each score is that of the vectors.
cp -r "$FIX/model" "$FIX/eval" "$FIX/photos" .
run() { mmtool eval caption -m model "$@" 2>&1 || echo "= $?"; }
run --refs eval/shape-refs.json --hyps eval/shapes.json --images photos \
	--per-sample each | grep CLIP
awk '{ printf "%s %.4f %.4f\n", $1, $13, $14 }' each
run --refs eval/shape-refs.json --hyps eval/shapes.json \
	--images "$FIX/photos.mmt" | grep CLIP
echo 'A photo depicts a red cross' >line
mmtool embed --text -m model line -o line.mmt
mmtool embed --image -m model photos/red-cross.png -o picture.mmt
mmtool search -g picture.mmt line.mmt | awk '{ printf "%.2f\n", 2.5 * $2 }'
mkdir numbered
cp photos/red-cross.png numbered/COCO_val2014_000000000042.png
cp photos/blue-circle.png numbered/COCO_val2014_000000000142.png
echo '{"42": "a red cross", "142": "a circle"}' >42.json
run --refs 42.json --hyps 42.json --images numbered | grep CLIP
cp photos/blue-circle.png numbered/b-42.png
run --refs 42.json --hyps 42.json --images numbered
rm numbered/*42.png
run --refs 42.json --hyps 42.json --images photos
run --refs 42.json --hyps 42.json
