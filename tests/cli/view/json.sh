cd "$DATA" && mmtool view --json --stats shapes.mmt
