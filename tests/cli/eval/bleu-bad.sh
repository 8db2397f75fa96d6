printf 'a\nb\n' >two
printf 'a\n' >one
: >none
for r in one none; do
	mmtool eval bleu $r <two 2>&1
	echo "status $?"
done
mmtool eval bleu none <none 2>&1
mmtool eval bleu --smooth-value 1 two <two 2>&1
echo "status $?"
mmtool eval bleu 2>&1
mmtool eval chrf --char-order 0 two <two 2>&1
mmtool eval rouge --sentence-mark '' two <two 2>&1
