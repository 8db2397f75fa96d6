cd "$FIX/eval" || exit
cat run run >"$OLDPWD/twice"
mmtool eval trec qrels "$OLDPWD/twice" 2>&1 | sed "s|$OLDPWD/||"
