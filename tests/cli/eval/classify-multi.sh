# Several labels a sample; scores give the mean average precision.
cd "$FIX/eval" || exit
mmtool eval classify --multi-label --labels many.txt \
	--predictions many-predicted.txt
head -n 4 scores.txt >"$OLDPWD/four"
mmtool eval classify --multi-label --labels many.txt --classes classes.txt \
	--scores "$OLDPWD/four" --threshold 0.4 --json
