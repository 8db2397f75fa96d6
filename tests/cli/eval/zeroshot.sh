# Labels by the folder's name, or by number in the order of the classes file;
# the model is not trained, its guesses are what they are.
cp -r "$FIX/coloured" "$FIX/model" "$FIX/eval" .
mmtool align pairs --label-from folder coloured -o coloured.mmt
printf 'blue\ngreen\nred\nyellow\n' >by-number
printf 'azure\nlime\nscarlet\ngold\n' >other
run() { mmtool eval zeroshot -m model "$@" 2>&1 || echo "= $?"; }
run --classes eval/colours.txt coloured.mmt --per-class
run --classes eval/colours.txt --templates eval/prompts.txt --json coloured.mmt
run --classes by-number coloured.mmt --json >1
run --classes by-number --labels-by number coloured.mmt --json | cmp - 1
run --classes other coloured.mmt --json | cut -c -18
run --classes other --labels-by name coloured.mmt
run --classes eval/colours.txt "$FIX/data.mmt"
printf 'red\n' >one
run --classes one coloured.mmt
run --classes one --labels-by number coloured.mmt
printf 'a photo\n' >no-place
run --classes one --templates no-place coloured.mmt
run coloured.mmt
