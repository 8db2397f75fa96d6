cd "$DATA" && mmtool view --image 16 shapes.mmt -o x.png
