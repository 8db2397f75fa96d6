cd "$DATA" && mmtool view --column text --column id --rows 3 shapes.mmt
