# folders: captions by line, labels by folder, what is bad
mkdir -p f/cats f/dogs/x f/.hidden f/empty
p=$FIX/photos/red-circle.png
cp "$p" f/cats/1.png && printf 'a cat\n' >f/cats/1.txt
cp "$p" f/dogs/x/2.jpg && printf '\357\273\277one\r\n\n  \ntwo\r\n' >f/dogs/x/2.txt
cp "$p" f/.hidden/3.png && echo x >f/.hidden/3.txt
cp "$p" f/a.b.png && echo 'dots' >f/a.b.txt
echo 'not a caption' >f/cats/README
mmtool align pairs f | mmtool view --column id --column text --column image.path --column image.id -
echo
mkdir g && cp -r f/cats f/dogs g/ && rm g/cats/1.txt
mmtool align pairs --label-from folder g | mmtool view --column id --column label --column label.name --column text -
echo
cp "$p" f/lone.png && echo x >f/only.txt
cp "$p" f/two.png && cp "$p" f/two.jpg && echo x >f/two.txt
: >f/cats/0.txt && cp "$p" f/cats/0.png
mmtool align pairs --on-error skip --report bad f -o x.mmt
cut -f 1,3 bad
ln -s . f/loop
mmtool align pairs --on-error skip f -o y.mmt 2>&1 | tail -n 1 | cut -c 1-60
