# early stopping on any figure that eval prints
printf '%s\n' cross circle square triangle >classes
printf '%s\n' 'a {c}' 'a red {c}' >prompts
awk -F '\t' -v OFS='\t' 'BEGIN { k["cross"] = 0; k["circle"] = 1
	k["square"] = 2; k["triangle"] = 3; print "id", "image", "text", "label" }
	{ n = split($0, w, "-"); print $0, ENVIRON["FIX"] "/photos/" $0 ".png", \
	"a " w[1] " " w[n], k[w[n]] }' >data.tsv <<END
$(cd "$FIX/photos" && ls ./*.png | sed 's,^./,,; s/\.png$//')
END
mmtool preprocess -q --preset hf-clip --image-size 32 --tokenizer "$FIX/vocab" \
	--max-length 16 data.tsv -o data.mmt
t() {
	rm -rf run
	mmtool train --preset tiny --tokenizer "$FIX/vocab" -B 8 --steps 4 \
		--lr 2e-3 --eval-every 2 --val data.mmt "$@" -o run data.mmt \
		2>err
	sed 's/ [0-9.]* %/ N %/; s/ [0-9]*\.[0-9]* / N /; s/step [0-9]*/step N/' err
}
for figure in recall@1 recall@3 image_to_text.recall@7 text_to_image.ndcg@5 \
	ndcg@4 mrr text_to_image.mrr median_rank image_to_text.mean_rank rsum; do
	t --loss multi --monitor $figure
done
for figure in acc1 mean_per_class_recall f1_macro f1_micro f1_weighted; do
	t --loss fusion --monitor classification.$figure
	t --loss multi --zeroshot classes --templates prompts \
		--monitor zeroshot.$figure
done
t --loss lm --monitor lm.loss
# the cut-off that is watched, and zero-shot, are the figures of eval
same() { tail -n 1 run/log.jsonl | grep -c "$1" >n && grep -q 1 n && echo same; }
t --loss multi --monitor image_to_text.recall@7 --no-restore-best -q
same "$(mmtool eval retrieval -k 7 --json -m run data.mmt |
	sed 's/.*\(image_to_text\)/\1/; s/^.*\("recall@7": [0-9.]*\).*"text.*/\1/')"
t --loss multi --zeroshot classes --templates prompts --no-restore-best -q
same "$(mmtool eval zeroshot --json --classes classes --templates prompts \
	-m run data.mmt | sed 's/.*\("mean_per_class.*\), "n".*/\1/')"
# what cannot be watched
bad() { mmtool train -q --preset tiny -B 8 --steps 4 -o run "$@" data.mmt; }
rm -rf run
bad --monitor recall@0 --val data.mmt 2>&1 | cut -c 1-60
bad --monitor zeroshot.acc1 --val data.mmt 2>&1 | cut -c 1-60
bad --monitor recall@1
bad --patience 3
bad --zeroshot classes --tokenizer "$FIX/vocab"
bad --zeroshot classes --val data.mmt
bad --templates prompts --val data.mmt
head -n 1 classes >one
bad --zeroshot one --val data.mmt --tokenizer "$FIX/vocab"
head -n 2 classes >two
bad --zeroshot two --val data.mmt --tokenizer "$FIX/vocab"
