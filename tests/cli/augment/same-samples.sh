# a copy depends on seed, id and copy alone
a() { mmtool augment -q --flip 0.5 --crop 0.6,1 --jitter 0.3,0.3,0.3,0.1 --shift 2 --gray 0.3 --blur 0.3 --erase 0.5 "$@"; }
rows() { mmtool view --column id --column image --column affine --column text - | sort; }
s=$FIX/shapes.mmt
a --copies 3 $s -o a.mmt && rows <a.mmt >a.txt && wc -l <a.txt
a --copies 3 -j 1 -B 1 $s | cmp - a.mmt && echo threads and groups
a --epochs 3 $s | rows | cmp - a.txt && echo epochs
for i in 0 1 2 3; do a --copies 3 --shard $i/4 $s | rows >>shards.txt; done
sort shards.txt | cmp - a.txt && echo shards
cat $s | a --copies 3 - | rows | cmp - a.txt && echo pipe
a --copies 3 --spec flip:0.5 $s
mmtool augment -q --copies 3 --spec flip:0.5,crop:0.6:1,jitter:0.3:0.3:0.3:0.1,shift:2,gray:0.3,blur:0.3,erase:0.5 $s | cmp - a.mmt && echo spec
a --copies 3 --seed 1 $s | rows | cmp -s - a.txt || echo another seed
# copies differ from each other
mmtool view --column image a.mmt | sort -u | wc -l
