# the heads that training leaves, on held-out samples: the figures of its log
ln -s "$FIX/labelled.mmt" labelled.mmt
t() { mmtool train -q --preset micro --tokenizer "$FIX/vocab" -B 8 "$@"; }
figures() { tr -d ' \n' | grep -o '"[a-z.]*\(acc1\|f1_macro\)":[0-9.]*' | head -n 2 | sed 's/.*://' | xargs printf '%.4f\n'; }
for loss in classify fusion; do
	t --loss $loss --epochs 12 --lr 3e-3 --no-restore-best --val labelled.mmt \
		-o $loss labelled.mmt
	tail -n 1 $loss/log.jsonl | figures >a
	mmtool eval classify --json -m $loss labelled.mmt | figures |
		cmp - a && [ -s a ] &&
		echo "$loss: as its log"
done
printf '%s\n' blue green red yellow >names
mmtool eval classify -m classify --classes names --matrix m.tsv \
	--per-sample each.tsv labelled.mmt | grep -c 'blue\|green\|red\|yellow'
wc -l <each.tsv
# what cannot be
mmtool eval classify -m classify
ln -s "$FIX/model" plain
mmtool eval classify -m plain labelled.mmt
mmtool eval classify -m classify "$FIX/data.mmt"
mmtool eval classify -m classify --labels names labelled.mmt
mmtool eval classify --labels names --predictions names labelled.mmt
head -n 3 names >three
mmtool eval classify -m classify --classes three labelled.mmt
