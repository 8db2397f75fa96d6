# Results that do not fit each other or are none.
try() {
	printf '%s\n' "$1" >x
	printf '%s\n' "$2" >y
	mmtool eval compare x y 2>&1
	echo "= $?"
}
try '{"a": 1}' '{"b": 1}'
try '[1]' '{"a": 1}'
try '{"a": 1' '{"a": 1}'
try '{"a": 1, "samples": {"id": [1, 2], "a": [1]}}' '{"a": 1}'
try '{"a": 1, "samples": {"id": [1, 1], "a": [1, 2]}}' '{"a": 1}'
try '{"a": 1, "samples": {"id": [[]], "a": [1]}}' '{"a": 1}'
try '{"a": 1, "samples": {"a": [1]}}' '{"a": 1}'
try '{"a": 1, "samples": {"id": ["p"], "a": [1]}}' \
	'{"a": 1, "samples": {"id": ["q"], "a": [1]}}'
try 'id	a' 'id	a'
try 'id	a
p	x' 'id	a'
try 'id	a	a
p	1	2' 'id	a'
mmtool eval all --compare x 2>&1
echo "= $?"
