# a sheet is as large as the pictures it has need: 16, 3, and all of a pipe
size() { tail -c +17 "$1" | head -c 8 | od -A n -t u1; }
mmtool view --sheet a.png "$DATA/shapes.mmt" && size a.png
mmtool view --sheet b.png --rows 3 "$DATA/shapes.mmt" && size b.png
cat "$DATA/shapes.mmt" | mmtool view --sheet c.png - && cmp a.png c.png
mmtool view --sheet d.png --rows 0 "$DATA/shapes.mmt"
ls
