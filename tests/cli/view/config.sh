printf "# what to show\nrows = 1\n\ncolumn = id\ncolumn = text\n" >c
mmtool view --config c "$DATA/shapes.mmt"
mmtool view --config c --rows 2 --column text "$DATA/shapes.mmt"
echo "rosw = 1" >>c
mmtool view --config c "$DATA/shapes.mmt"
