# Same files from lines, JSON lines and a stream; the merges in their order.
mmtool view --column text "$FIX/shapes.mmt" >captions.txt
mmtool view --json --column text "$FIX/shapes.mmt" >captions.jsonl
mmtool vocab --type clip --size 520 captions.txt -o a || exit
mmtool vocab --type clip --size 520 captions.jsonl -o b || exit
mmtool vocab --type clip --size 520 - -o c <"$FIX/shapes.mmt" || exit
tac captions.txt | mmtool vocab --type clip --size 520 -j 2 - -o d || exit
for x in b c d; do cmp -s a/vocab.json $x/vocab.json && cmp -s a/merges.txt $x/merges.txt && cmp -s a/tokenizer.json $x/tokenizer.json || echo "differ: $x"; done
ls a
cat a/merges.txt
tail -c 82 a/vocab.json
echo
cat a/tokenizer_config.json
# a part of the texts is as good as a file of that part
awk 'NR % 2 == 1' "$FIX/captions.txt" >odd.txt
mmtool vocab --type clip --size 530 odd.txt -o odd && mmtool vocab --type clip --size 530 --shard 0/2 "$FIX/captions.txt" -o half
cmp odd/tokenizer.json half/tokenizer.json && echo shard
