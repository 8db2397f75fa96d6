# nothing is left where the output cannot be written
(ulimit -f 4; mmtool align pairs --embed-bytes "$FIX/photos" "$FIX/shapes.mmt" -o o.mmt 2>/dev/null)
echo "failed: $(($? != 0))"
ls -A | grep -v '^got'
mmtool align pairs "$FIX/photos" -o no/such/o.mmt
