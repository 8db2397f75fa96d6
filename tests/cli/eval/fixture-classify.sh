# scikit-learn's figures of the reference labels, digit for digit.
R=$MMTOOL_SHARED/fixtures/reference
[ -e "$R/cls_expected.json" ] || { echo "skip: no fixtures/reference"; exit; }
digits() { grep -o "\"$1\": [0-9.]*" "$2" | head -n 1 | cut -c -24; }
mmtool eval classify --labels "$R/cls_labels.txt" \
	--predictions "$R/cls_predictions.txt" --json >got.json
for f in acc1 mean_per_class_recall f1_macro f1_micro f1_weighted n; do
	want=$(digits $f "$R/cls_expected.json")
	[ -n "$want" ] && [ "$want" = "$(digits $f got.json)" ] ||
		echo "$f: $(digits $f got.json), not $want"
done
echo compared
