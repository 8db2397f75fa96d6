# what cannot be is refused
s=$FIX/shapes.mmt
mmtool augment $s
mmtool augment --flip 0.5 --copies 2 --epochs 2 $s
mmtool augment --flip 0.5 --epochs 2 -
mmtool augment --crop 1,0.5 $s
mmtool augment --jitter 0,0,0,0.9 $s
for spec in flip flip:2 flip:a turn:1 crop:0.5 crop:1:0.5 shift:1.5 flip:0.5:1; do
	mmtool augment --spec $spec $s
done
mmtool augment --synonyms 1 --wordnet /nonexistent $s
mmtool align pairs "$FIX/photos" -o pairs.mmt
mmtool augment --flip 1 pairs.mmt -o x.mmt
mmtool augment -q --swap 1 pairs.mmt | mmtool view --rows 1 --column id -
(trap '' XFSZ; ulimit -f 4; mmtool augment -q --flip 1 $s -o x.mmt)
echo "failed: $(($? != 0))"
ls
