# tars as webdataset reads them: the forms of tar, keys, what is passed over
p=$FIX/photos/blue-cross.png
mkdir -p w/dir.v1/sub w/__meta__ w/.git && cd w
long=$(printf 'n%.0s' $(seq 150))
for k in dir.v1/sub/0001 "dir.v1/$long" "dir.v1/ünï"; do
	cp "$p" "$k.PNG" && printf 'text of %s\n' "${k#dir.v1/}" | cut -c 1-20 >"$k.txt"
done
echo 7 >dir.v1/sub/0001.cls
echo '{"label": "other", "caption": "unused", "boxes": [[1, 2, 3, 4]], "phrases": ["a cross"]}' \
	>dir.v1/sub/0001.json
echo x | tee .git/config.txt dir.v1/.hidden.txt dir.v1/README __meta__/info.json >dir.v1/._0001.png
ln -s sub/0001.PNG dir.v1/link.png
cd ..
rows() { mmtool view --column id --column text --column label --column image.id "$@" 2>&1 | cut -c 1-70; }
for f in gnu pax; do
	LC_ALL=C tar --sort=name --format=$f -C w -cf $f.tar __meta__ .git dir.v1
	mmtool align pairs -q --on-error skip --report $f.tsv $f.tar -o $f.mmt
	mmtool view --column id --column text --column image.data $f.mmt | cut -c 1-60
	cut -f 1,3 $f.tsv
done
cmp pax.mmt gnu.mmt && echo same
tar --format=v7 -C w -cf v7.tar dir.v1/sub && mmtool align pairs --kind webdataset v7.tar | rows -
tar --format=ustar -C w -cf ustar.tar dir.v1/sub
for z in gzip xz bzip2; do
	$z -c <ustar.tar | mmtool align pairs - | mmtool view --column id --column boxes --column phrases -
done
# several shards, some of them cut
cp ustar.tar s-0.tar && tar -C w -cf s-1.tar "dir.v1/ünï.PNG" "dir.v1/ünï.txt"
mmtool align pairs 's-{0..1}.tar' | mmtool view --column id -
cat s-0.tar s-1.tar | mmtool align pairs - | mmtool view --column id -
for i in 0 1; do mmtool align pairs --shard $i/2 's-{0..1}.tar' | mmtool view --column id -; done
head -c 700 s-0.tar >cut.tar && mmtool align pairs cut.tar -o x.mmt
gzip -c s-0.tar | head -c 100 >cut.tar.gz && mmtool align pairs cut.tar.gz -o x.mmt
echo 'no tar at all' >no.tar && mmtool align pairs no.tar -o x.mmt
mmtool align pairs --split train s-0.tar -o x.mmt
# captions in the object alone; a broken one; the folder as label
mkdir -p cats && cp "$p" cats/1.png && cp "$p" cats/2.png
echo '{"caption": ["one", "two"]}' >cats/1.json && echo '{"caption": ' >cats/2.json
tar --sort=name -cf c.tar cats
mmtool align pairs --label-from folder --on-error skip --report r.tsv c.tar |
	mmtool view --column id --column text --column label.name --column image.id -
cat r.tsv
ls
