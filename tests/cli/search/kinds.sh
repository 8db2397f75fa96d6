# Queries as words, pictures, streams; galleries as files and through a pipe,
# one or several; equal scores by id; int8 finds the same.
cp -r "$FIX"/model "$FIX"/*.mmt "$FIX"/photos .
run() { mmtool search -m model -k 3 "$@" 2>&1 || echo "= $?"; }
run -g gallery.mmt 'a red cross' >1
cat gallery.mmt | mmtool search -m model -k 3 'a red cross' | cmp - 1
run 'a red cross' <gallery.mmt | cmp - 1
run -g gallery.mmt --int8 'a red cross' | cmp - 1
cat 1
run -g gallery.mmt photos/blue-circle.png | head -n 1
run -g gallery.mmt gallery.mmt >2
run -g gallery.mmt - <gallery.mmt | cmp - 2
run -g gallery.mmt --int8 -j 1 gallery.mmt | cmp - 2
mmtool embed --both --int8 -m model photos.mmt -o small.mmt
run -g small.mmt --int8 gallery.mmt | cmp - 2
cat small.mmt | mmtool search --int8 -k 3 gallery.mmt | cmp - 2
grep -c '^1 1.0000' 2
run -g gallery.mmt -g pairs.mmt photos/blue-circle.png
run -g pairs.mmt --column text 'a blue circle' | head -n 1
run -g gallery.mmt -k 99 'a red cross' | wc -l
run -g gallery.mmt --json -k 1 'a red cross' | sed 's/0\.[0-9]*/S/'
run - <gallery.mmt
run -g gallery.mmt - - <gallery.mmt
run -g photos.mmt x
run -g gallery.mmt --column text x
mmtool search -g gallery.mmt 'no model'
