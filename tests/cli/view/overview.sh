cd "$DATA" && mmtool view --rows 2 shapes.mmt
