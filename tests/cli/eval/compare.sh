# Samples are paired by id, in whatever order; figures without samples have a
# difference only. With one difference of 1 in four, no test finds it certain.
cd "$FIX/eval" || exit
mmtool eval compare a.json b.json
mmtool eval compare --test permutation --json a.json b.json
mmtool eval all --compare a.json b.json
mmtool eval bleu --per-sample "$OLDPWD/x.tsv" ref0.txt <hyp.txt >"$OLDPWD/x"
mmtool eval bleu --json --samples ref1.txt <hyp.txt >"$OLDPWD/y.json"
mmtool eval compare "$OLDPWD/x.tsv" "$OLDPWD/y.json"
