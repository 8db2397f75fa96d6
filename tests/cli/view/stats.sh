cd "$DATA" && mmtool view --rows 0 --stats shapes.mmt
