# -q -c -l -M -m as trec_eval takes them, run together and apart.
cd "$FIX/eval" || exit
mmtool eval trec -qc -l2 -M2 -mmap -m P.1,2 -mndcg.1=3 qrels run
