cd "$DATA" && mmtool view --image 5 shapes.mmt | head -c 24 | od -A n -t x1
