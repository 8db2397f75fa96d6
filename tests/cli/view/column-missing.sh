cd "$DATA" && mmtool view --column nonesuch shapes.mmt
