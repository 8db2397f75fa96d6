# What cannot be done is said, and nothing is left behind.
try() { mmtool vocab "$@" -o out; echo "exit $?"; }
printf 'a cat\n' >t
printf 'a cat\na \377 dog\n' >bad
printf '{"text":"a"}\n{"caption":"b"}\n' >c.jsonl
: >empty
mmtool vocab --type clip --size 600 t 2>&1; echo "exit $?"
try --size 600 t 2>&1
try --type clip t 2>&1
try --type clip --size 600 --cased t 2>&1
try --type clip --size 500 t 2>&1
try --type wordpiece --size 9 t 2>&1
try --type clip --size 600 bad 2>&1
try --type clip --size 600 c.jsonl 2>&1
try --type clip --size 600 empty 2>&1
try --type clip --size 600 nothere 2>&1
try --type clip --size 600 --column nothere "$FIX/shapes.mmt" 2>&1 | sed "s|$FIX|FIX|"
ls
