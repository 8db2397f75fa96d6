# what is wrong is named; skipped samples are listed, the others stay
mkdir p && cp "$FIX/photos/red-circle.png" p/good.png
head -c 100 p/good.png >p/cut.png
: >p/empty.jpg
printf 'GIF89a' >p/odd.png
cp p/good.png p/big.png
for f in good cut empty odd big; do echo "a $f" >p/$f.txt; done
mmtool preprocess p -o o.mmt
echo $?
ls o.mmt
mmtool preprocess --on-error skip --report r.tsv p -o o.mmt
echo $?
sed "s/, WebP//" r.tsv
mmtool view --column id o.mmt
mmtool preprocess --max-pixels 1000 p/../p -o big.mmt
mmtool preprocess --on-error skip --max-pixels 1000 p -o none.mmt
mmtool view --rows 0 none.mmt
