# COCO: captions, instances, both, and what is wrong with them
p=$FIX/photos/red-circle.png
mkdir -p coco/img && cp "$p" coco/img/a.png && cp "$p" coco/img/b.png
cat >coco/captions.json <<'X'
{"info": {"note": "brackets } ] in text"}, "images": [
 {"id": 9, "file_name": "a.png", "width": 32, "height": 32},
 {"file_name": "b.png", "id": 12}],
 "licenses": [],
 "annotations": [{"id": 101, "image_id": 12, "caption": "one \"q\" \u00e9"},
  {"image_id": 9, "id": 102, "caption": "two"},
  {"image_id": 9, "id": 103, "caption": "three"}]}
X
cat >coco/instances.json <<'X'
{"annotations": [
 {"id": 1, "image_id": 9, "category_id": 18, "bbox": [1, 2.5, 3, 4], "iscrowd": 0,
  "segmentation": [[1, 2.5, 4, 2.5, 4, 6.5]]},
 {"id": 2, "image_id": 9, "category_id": 1, "segmentation": {"size": [4, 5], "counts": [3, 6, 11]}},
 {"id": 3, "image_id": 9, "category_id": 1, "segmentation": {"size": [4, 5], "counts": "36;"}},
 {"id": 4, "image_id": 77, "category_id": 1, "bbox": [0, 0, 1, 1]},
 {"id": 5, "image_id": 9, "category_id": 18, "segmentation": [[5, 5, 9, 7], [4, 6, 6, 8.5]]}],
 "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
 "images": [{"id": 9, "file_name": "a.png"}]}
X
show() { mmtool align pairs --root coco/img "$@" -o o.mmt &&
	mmtool view --column id --column text --column image.path --column image.id o.mmt; }
show coco/captions.json
echo
show --instances coco/instances.json coco/captions.json
mmtool view --column id --column boxes --column phrases o.mmt
echo
show --on-error skip --report bad coco/instances.json
mmtool view --column boxes --column phrases o.mmt
cut -f 3 bad
cat coco/captions.json | mmtool align pairs --root coco/img - | mmtool view --column id -
try() {
	printf '%s\n' "$1" >x.json
	mmtool align pairs --kind coco --root coco/img x.json -o no.mmt
}
try '[]'
try '{"images": []}'
try '{"images": [{"file_name": "a.png"}], "annotations": []}'
try '{"images": [{"id": 1}, {"id": 1}], "annotations": []}'
try '{"images": [], "annotations": [], "images": []}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "image_id": 2, "caption": "x"}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "image_id": 1, "caption": ["x"]}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, 3]}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, -3, 4]}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "segmentation": {"size": [2, 2], "counts": [3, 6]}}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 3, "image_id": 1, "caption": "x"}, {"id": 3, "image_id": 1, "caption": "y"}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}], "annotations": [{"id": 3, "image_id": 1, "caption": "x"}]}'
try '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 3, "image_id": 1, "caption": "x"}'
try '{"images": [{"id": 1, "file_name": "lost.png"}], "annotations": [{"id": 3, "image_id": 1, "caption": "x"}]}'
ls no.mmt 2>&1
