printf 'Foo (bar), caf\303\251 a\n!\n' >hyp
printf 'foo (bar) caf\303\251 ab\n! a\n' >ref
for o in --lowercase --whitespace --eps-smoothing '--word-order 2' \
	'--word-order 1 --beta 3 --sentence' '--char-order 0 --word-order 3'; do
	mmtool eval chrf $o ref <hyp
done
