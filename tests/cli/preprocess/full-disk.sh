# nothing is left where the output cannot be written
(trap '' XFSZ; ulimit -f 4; mmtool preprocess "$FIX/photos" -o o.mmt)
echo "failed: $(($? != 0))"
ls -A | grep -v '^got'
mmtool preprocess "$FIX/photos" -o no/such/o.mmt
