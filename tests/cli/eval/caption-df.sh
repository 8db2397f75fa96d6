# The references' own frequencies, written and read again, change nothing.
one() {
	mmtool eval caption --json --refs "$FIX/eval/captions.json" \
		--hyps "$FIX/eval/results.json" "$@"
}
one --df-out df >a
one --df df >b
cmp a b && wc -l <df | tr -d ' '
printf 'documents\t5\n9\ta b\n' >many
printf 'documents\t5\nx\ta b\n' >nocount
printf 'documents\t5\n1\ta b c d e\n' >long
printf 'docs\n' >head
for f in many nocount long head; do
	mmtool eval caption --refs "$FIX/eval/captions.json" \
		--hyps "$FIX/eval/results.json" --df $f 2>&1
done
