echo '[{"question_id": 1, "answer": 7}]' >answers.json
echo '{"annotations": [{"question_id": 1, "answers": ["a"]}]}' >a.json
mmtool eval vqa --annotations a.json --results answers.json
mmtool eval vqa --annotations answers.json --results answers.json
echo '[{' >broken.json
mmtool eval vqa --annotations a.json --results broken.json
mmtool eval vqa --results answers.json
