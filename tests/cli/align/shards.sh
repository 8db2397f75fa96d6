# shards together are the whole, whichever way the work is cut
mmtool align pairs "$FIX/photos" | mmtool view --column id - >whole
for i in 0 1 2; do
	mmtool align pairs --shard $i/3 "$FIX/photos" -o $i.mmt
done
cat 0.mmt 1.mmt 2.mmt | mmtool view --column id - | sort >parts
sort whole | cmp - parts && wc -l <parts
# bad samples have positions too, and are told by the shard that they are in
cp "$FIX/photos/red-circle.png" p.png
printf 'id\timage\ttext\na\tp.png\tx\nb\tlost.png\tx\nc\tp.png\tx\n' >t.tsv
for i in 0 1; do
	mmtool align pairs --shard $i/2 --on-error skip t.tsv | mmtool view --column id -
done
