# left and right change sides with the picture; ids are made anew
mkdir p
n=0
while read -r text; do
	n=$((n + 1))
	cp "$FIX/photos/red-circle.png" p/$n.png && echo "$text" >p/$n.txt
done <<'T'
a red circle left of a blue square
The leftmost circle
a dog left the room
a sign that says "left"
a green cross
T
mmtool preprocess --preset vit --image-size 8 --tokenizer "$FIX/words" p -o d.mmt
mmtool augment --flip 1 --tokenizer "$FIX/words" d.mmt -o f.mmt
mmtool view --column id --column text --column affine f.mmt
mmtool augment -q --flip 0.5 --seed 3 --tokenizer "$FIX/words" --copies 2 d.mmt |
	mmtool view --column id --column text --column ids -
# the tokenizer that the stream names, and none
cp -r "$FIX/words" w
mmtool preprocess --preset vit --image-size 8 --tokenizer w p -o d.mmt
mmtool augment -q --swap 1 d.mmt | mmtool view --column text --column ids -
rm -r w && mmtool augment --swap 1 d.mmt -o x.mmt
