# pairs with the same bytes and text under other names
mkdir f
for i in 1 2 3; do cp "$FIX/photos/red-circle.png" f/$i.png; done
echo same >f/1.txt && echo same >f/2.txt && echo other >f/3.txt
mmtool align pairs --duplicates drop f | mmtool view --column id -
for i in 0 1; do
	mmtool align pairs --duplicates drop -q --shard $i/2 f | mmtool view --column id -
done
mmtool align pairs --duplicates drop --embed-bytes -q f | mmtool view --column id -
