# a stream cut anywhere is an error that names the file
size=$(wc -c <"$DATA/shapes.mmt")
for n in 1 7 8 9 100 400 5000 $((size - 1)); do
	head -c $n "$DATA/shapes.mmt" >cut.mmt
	mmtool view cut.mmt >out 2>err
	echo "$n: $? $(grep -c "cut.mmt" err) $(wc -c <out)"
	head -c $n "$DATA/shapes.mmt" | mmtool view - >out 2>err
	echo "$n in a pipe: $? $(grep -c "standard input" err)"
done
