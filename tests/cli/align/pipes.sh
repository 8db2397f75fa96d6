# every kind through a pipe, several sources in one run, names with braces
cp "$FIX/photos/red-circle.png" p.png
printf 'id\timage\ttext\na\tp.png\tx\n' >1.tsv
printf 'id,image,text\nb,p.png,y\n' >2.csv
printf '{"id": "c", "image": "p.png", "text": "z"}\n' >3.jsonl
ids() { mmtool view --column id --column text - | tr '\n' ' ' && echo; }
mmtool align pairs - <1.tsv | ids
cat 1.tsv | mmtool align pairs - | ids
cat 3.jsonl | mmtool align pairs - | ids
cat 2.csv | mmtool align pairs --kind csv - | ids
mmtool align pairs 1.tsv 2.csv 3.jsonl -o all.mmt
cat all.mmt | mmtool align pairs - | ids
mkfifo pipe && cat all.mmt >pipe & 
mmtool align pairs all.mmt | cmp - all.mmt && echo same
sleep 0.1; mmtool align pairs pipe | ids
cp 1.tsv t-001.tsv && sed 's/^a/d/' 1.tsv >t-002.tsv
mmtool align pairs 't-{001..002}.tsv' | ids
mmtool align pairs 't-{001,002}.tsv' | ids
mmtool align pairs 't-{001..003}.tsv' -o none.mmt
ls none.mmt
