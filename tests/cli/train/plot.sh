# a drawing that needs nothing else, and is drawn anew when resumed
t() { mmtool train -q --preset micro -B 8 --steps 4 --eval-every 2 --val "$FIX/data.mmt" -o run "$@" "$FIX/data.mmt"; }
t --plot p.svg --loss multi,lm
head -c 43 p.svg && echo
grep -c '<g ' p.svg
grep -o 'font-weight="bold">[^<]*' p.svg
t --resume --plot p.html --loss multi,lm
head -n 1 p.html
sed 's/<[^h][^>]*>//g; /http/d' p.html | grep -c 'href\|src='
mmtool view --log run | grep -o '^  [a-z@0-9._]*'
# the ninth line of a panel and those after it are told by dashes
printf '%s\n' 'batch-size = 8' 'steps = 1' '[a]' 'loss = lm' '[b]' '[c]' >three
mmtool train -q --preset micro --tokenizer "$FIX/vocab" --recipe three \
	--plot three.svg -o three-run "$FIX/data.mmt"
grep -o 'dasharray="[0-9][^>]* d="M[0-9]* [0-9]*h' three.svg | cut -d '"' -f 2 | uniq -c
t --plot none/p.svg --loss lm --resume-changed
