# One line for each way; the scores are those of sacrebleu 2.6.
printf 'Foo bar, 1.5 %%-x "q" (z) caf\303\251\342\200\246 \302\2435\na b\n' >hyp
printf 'foo bar, 1.5%% - x "q" (y) caf\303\251\342\200\246 \302\2435!\na b c\n' >ref
for t in 13a intl char none; do
	for s in exp floor add-k none; do
		mmtool eval bleu --tokenize $t --smooth $s ref <hyp
	done
	mmtool eval bleu --tokenize $t --lowercase --sentence ref <hyp
done
mmtool eval bleu --smooth floor --smooth-value 0.5 ref <hyp
