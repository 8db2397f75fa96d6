printf '1 Q0 a 1 0.5 r\n1 Q0 b 2 NaN r\n' >run
printf '1 0 a\n' >qrels
mmtool eval trec "$FIX/eval/qrels" run
mmtool eval trec qrels "$FIX/eval/run"
mmtool eval trec /dev/null "$FIX/eval/run"
