#!/bin/sh
# What the tests and the manual's examples work on, made in the current folder:
#
#	photos/		16 pictures with a caption each
#	captions.txt	the captions, one a line
#	shapes.mmt	pixels and captions as a stream
#	time/		subtitles, frames and events with times
#	words/		a tokenizer of a few words
#	eval/		judgements, results, labels and answers for eval
#	vocab/		a tokenizer trained on the captions
#	data.mmt	pixels and token ids
#	labelled.mmt	the same with a label for each colour
#	model/		a small CLIP for pictures of 32 pixels
#	checkpoint.pt	two tensors as PyTorch saves them
#	photos.mmt	photos/ as a stream of paths and captions
#	gallery.mmt	the vectors of its pictures
#	boxes.jsonl	a picture with boxes and phrases
#	coco/		captions and instances of two pictures, as COCO has them
#	pairs.mmt	the vectors of pictures and captions
#	coloured/	photos/ in a folder for each colour
#
# MODEL=DIR: that folder, with its tokenizer, in place of the small CLIP; so
# matrix.sh tries every architecture.
set -e
have() { mmtool describe commands | grep -qx "$1"; }

cp -r "$DATA/shapes" photos
cat photos/*.txt >captions.txt
cp "$DATA/shapes.mmt" .
for c in red green blue yellow; do
	mkdir -p coloured/$c
	cp photos/$c-* coloured/$c
done
cp -r "$DATA/words" .
cp -r "$DATA/time" .
cp "$DATA/checkpoint.pt" .
cp -r "$DATA/eval" eval

cp -r "${MODEL:-$DATA/../golden/dual-clip-vit/model}" model
chmod -R u+w .
[ -n "$MODEL" ] || cat >model/preprocessor_config.json <<'EOF'
{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32},
 "crop_size": {"height": 32, "width": 32}}
EOF
if have vocab; then
	mmtool vocab --type clip --size 550 captions.txt -o vocab
	[ -n "$MODEL" ] || cp vocab/* model
fi
if have preprocess && have vocab; then
	mmtool preprocess --preset hf-clip --image-size 32 --tokenizer vocab \
		--max-length 16 photos -o data.mmt
	mmtool align pairs --label-from folder coloured |
		mmtool preprocess --preset hf-clip --image-size 32 \
			--tokenizer vocab --max-length 16 - -o labelled.mmt
fi
mmtool align pairs photos -o photos.mmt
mmtool embed --image -m model photos.mmt -o gallery.mmt
cat >boxes.jsonl <<'EOF'
{"image": "blue-cross.png", "text": "a blue cross", "boxes": [[2, 3, 30, 31], [20, 5, 40, 20]], "phrases": ["cross", "square"]}
EOF
mmtool embed --both -m model photos.mmt -o pairs.mmt
mkdir coco
cat >coco/captions.json <<'EOF'
{"images": [{"id": 10, "file_name": "blue-cross.png"}, {"id": 20, "file_name": "red-circle.png"}],
 "annotations": [{"id": 1, "image_id": 10, "caption": "a blue cross"}, {"id": 2, "image_id": 10, "caption": "the same cross"},
 {"id": 3, "image_id": 20, "caption": "a red circle"}]}
EOF
cat >coco/instances.json <<'EOF'
{"images": [{"id": 10, "file_name": "blue-cross.png"}, {"id": 20, "file_name": "red-circle.png"}],
 "categories": [{"id": 5, "name": "cross"}, {"id": 6, "name": "circle"}],
 "annotations": [{"id": 100, "image_id": 10, "category_id": 5, "bbox": [2, 3, 28, 28]},
 {"id": 101, "image_id": 20, "category_id": 6, "bbox": [-2, 0, 40, 32]}, {"id": 102, "image_id": 20, "category_id": 5, "bbox": [10, 10, 10, 10]},
 {"id": 103, "image_id": 20, "category_id": 5, "bbox": [30, 30, 20, 20]}]}
EOF
