# ALIGN reads pictures of any size: its folder's recipe makes them, whatever
# image_size says, and a stream may hold others.
mmtool train --arch align --preset tiny --tokenizer "$FIX/vocab" -q -B 8 \
	--steps 1 -o align "$FIX/data.mmt" >/dev/null || exit
cp -r align other
sed -i 's/"image_size": [0-9]*/"image_size": 600/' other/config.json
for m in align other; do mmtool embed --image -m $m "$FIX/photos" -o $m.mmt; done
cmp align.mmt other.mmt && echo the same
mmtool preprocess -m align --image-size 48x40 --max-length 16 "$FIX/photos" -o wide.mmt
mmtool embed --image -m other wide.mmt -o wide-vectors.mmt && echo others
mmtool train -m other -q -B 8 --steps 1 -o on wide.mmt >/dev/null && echo trained
