# threads, groups, shards and the way of the pictures change nothing
cp -r "$FIX/photos" .
p() { mmtool preprocess --tokenizer "$DATA/words" --image-size 24 "$@"; }
p -j 1 photos -o a.mmt
p -j 3 photos -o b.mmt && cmp a.mmt b.mmt && echo threads
p -B 1 photos -o b.mmt && cmp a.mmt b.mmt && echo one by one
p -B 7 -j 2 - <a.mmt -o c.mmt # from its own pixels: a size that fits already
rows() { mmtool view --column id --column image --column ids --column mask "$@"; }
rows a.mmt >a.txt && rows c.mmt | cmp - a.txt && echo again
for i in 0 1 2; do p --shard $i/3 photos | rows - >>shards.txt; done
sort a.txt >a.sorted && sort shards.txt | cmp - a.sorted && echo shards
mmtool align pairs photos | p - | rows - | cmp - a.txt && echo pipe
mmtool align pairs --embed-bytes photos | p - | rows - | cmp - a.txt && echo bytes
