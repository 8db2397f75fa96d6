# a task's head: begun anew for other classes, kept by what makes a folder
# smaller, and had by an architecture that open_clip's layout is for
mkdir two && cp -r "$FIX/coloured/red" "$FIX/coloured/blue" two
mmtool align pairs -q --label-from folder two |
	mmtool preprocess -q --preset hf-clip --image-size 32 \
		--tokenizer "$FIX/vocab" --max-length 16 - -o two.mmt
t() { mmtool train -q -B 8 "$@"; }
t --preset micro --tokenizer "$FIX/vocab" --loss fusion --epochs 8 --lr 3e-3 \
	-o head "$FIX/labelled.mmt"
t -m head --loss fusion --steps 2 -o other two.mmt
t -m head --loss fusion --steps 2 --new-head -o other two.mmt &&
	mmtool eval classify -q -m other two.mmt | tail -n 1
t --recipe - -o chain two.mmt <<'END'
batch-size = 8
steps = 1
[tuned]
init = head/
loss = fusion
new-head = yes
END
mmtool eval classify -q -m chain two.mmt | tail -n 1
mmtool quantize -q -m head -o int8 >/dev/null &&
	mmtool eval classify -q -m int8 "$FIX/labelled.mmt" | tail -n 1
mmtool prune -q -m head --ffn 0.1 --calibrate "$FIX/labelled.mmt" -o pruned >/dev/null &&
	mmtool eval classify -q -m pruned "$FIX/labelled.mmt" | tail -n 1
mmtool convert head --to open_clip -o open
# one of a ResNet, in batches of any size
t --arch clip_resnet --preset tiny --tokenizer "$FIX/vocab" --loss classify \
	--epochs 2 -o resnet "$FIX/labelled.mmt"
for small in quantize "prune --channels 0.2 --calibrate $FIX/labelled.mmt"; do
	rm -rf small
	# shellcheck disable=SC2086
	mmtool $small -q -m resnet -o small >/dev/null &&
		mmtool eval classify -q -m small "$FIX/labelled.mmt" | tail -n 1
done
t -m resnet --loss classify --steps 1 -o again "$FIX/labelled.mmt" &&
	mmtool embed --both -q -m again "$FIX/labelled.mmt" -o vectors.mmt && echo again
t -m resnet --steps 1 -o pairs "$FIX/labelled.mmt" && echo pairs/open_clip*.json
