# The references' own frequencies, written and read again, change nothing.
cd "$FIX/eval"
one() { mmtool eval caption --json --refs captions.json --hyps results.json "$@"; }
one --df-out "$OLDPWD/df" >"$OLDPWD/a"
one --df "$OLDPWD/df" >"$OLDPWD/b"
cd "$OLDPWD"
cmp a b && wc -l <df | tr -d ' '
printf 'documents\t5\n9\ta b\n' >many
printf 'documents\t5\nx\ta b\n' >nocount
printf 'documents\t5\n1\ta b c d e\n' >long
printf 'docs\n' >head
for f in many nocount long head; do
	mmtool eval caption --refs "$FIX/eval/captions.json" \
		--hyps "$FIX/eval/results.json" --df $f 2>&1
done
