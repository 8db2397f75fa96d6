mmtool eval trec -q --json -m runid -m num_q -m map -m relstring.3 \
	"$FIX/eval/qrels" "$FIX/eval/run"
