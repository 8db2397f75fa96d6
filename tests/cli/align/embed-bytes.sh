# the file's bytes come back as they were, and a stream's paths become bytes
mmtool align pairs "$FIX/photos" -o p.mmt
mmtool align pairs --embed-bytes "$FIX/photos" -o a.mmt
mmtool align pairs --embed-bytes p.mmt -o b.mmt
for i in a b; do mmtool view --rows 0 $i.mmt | tail -n +2 | sort >$i; done
cmp a b && echo same
mmtool view --json --rows 0 b.mmt | grep -c '"image.data"'
mmtool view --json --rows 0 b.mmt | grep -c '"image.path"'
mmtool view --image 3 b.mmt -o x.png && mmtool view --image 3 p.mmt -o y.png && cmp x.png y.png
