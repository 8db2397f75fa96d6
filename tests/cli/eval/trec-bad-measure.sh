cd "$FIX/eval" || exit
mmtool eval trec -m ndgc qrels run
mmtool eval trec -m P.5,5 qrels run
mmtool eval trec -l two qrels run
