# The run from a pipe; no summary.
mmtool eval trec -q -n -m map "$FIX/eval/qrels" - <"$FIX/eval/run"
