cd "$FIX/eval" || exit
for mode in official relaxed any; do
	mmtool eval vqa --annotations annotations.json --results answers.json \
		--vqa $mode | sed -n 2p
done
