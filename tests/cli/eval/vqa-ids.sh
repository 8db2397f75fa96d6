# All that has no partner is listed, then nothing is scored.
echo '[{"question_id": 1, "answer": "x"}, {"question_id": 9, "answer": "x"}]' \
	>answers.json
cp "$FIX/eval/annotations.json" .
mmtool eval vqa --annotations annotations.json --results answers.json
