# the log is JSON lines that are appended to
mmtool view --log log "$DATA/shapes.mmt" >out
mmtool view --log log nothere.mmt
sed "s/\"time\": [0-9.]*/T/; s/\"seconds\": [0-9.e-]*/S/; s#\[.*\]#ARGS#" log
