# Table and JSON; the accuracy of each question in a file.
cd "$FIX/eval" || exit
mmtool eval vqa --annotations annotations.json --results answers.json
mmtool eval vqa --annotations annotations.json --results answers.json \
	--json --per-sample "$OLDPWD/each" | sed 's|: ".*each"|: "each"|'
cat "$OLDPWD/each"
