# a pipe, and two streams one after another, are read as a file is
cd "$DATA" && cat shapes.mmt shapes.mmt | mmtool view - --rows 0
cat shapes.mmt shapes.mmt | mmtool view --column id - | tail -n 1
