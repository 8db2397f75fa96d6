# What is wrong, and where.
try() { mmtool eval caption --refs refs --hyps "$1" 2>&1; echo "status $?"; }
printf '{"1": ["a b"], "2": ["c d"]}' >refs
printf '[{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}]' >twice.json
printf '[{"image_id": 1, "caption": "a"}, {"image_id": 2, "caption": 3}]' >number.json
printf '[{"image_id": 1.5, "caption": "a"}]' >real.json
printf '[{"caption": "a"}]' >noid.json
printf '[1, 2]' >numbers.json
printf '"text"' >string.json
printf '[{"image_id": 1, "caption": "a"}' >cut.json
printf '{"1": {"text": "a"}, "2": "b"}' >object.json
printf '{"1": ["a", "b"], "2": "b"}' >several.json
printf 'a b\nc \377 d\n' >latin1.txt
: >empty.txt
for f in twice number real noid numbers string cut object several; do
	try $f.json
done
try latin1.txt
try empty.txt
try absent.txt
awk 'BEGIN { for (i = 0; i < 120000; i++) printf "w%d ", i % 97; print "" }' >a
awk 'BEGIN { for (i = 0; i < 120000; i++) printf "w%d ", i % 89; print "" }' >b
mmtool eval caption --refs a --hyps b 2>&1
mmtool eval rouge a <b 2>&1
