# A class that is only predicted counts 0 in the macro average, but not in the
# mean recall; scores rank, and a tie never helps.
cd "$FIX/eval" || exit
mmtool eval classify --labels labels.txt --predictions predictions.txt \
	--confusion --matrix "$OLDPWD/matrix.tsv" --per-sample "$OLDPWD/each.tsv"
cat "$OLDPWD/matrix.tsv" "$OLDPWD/each.tsv"
mmtool eval classify --labels labels.txt --scores scores.txt \
	--classes classes.txt --json
