# The same pictures and captions, read in each way that there is, give the
# same figures; a picture that cannot be read is an error or is left out.
cp -r "$FIX/photos" "$FIX/model" .
mmtool eval retrieval -m model "$FIX/data.mmt" >1
mmtool eval retrieval -m model photos >2
mmtool eval retrieval -m model "$FIX/photos.mmt" >3
mmtool eval retrieval -m model -B 5 - <"$FIX/photos.mmt" >4
mmtool eval retrieval --embeddings "$FIX/pairs.mmt" >5
cmp 1 2 && cmp 1 3 && cmp 1 4 && cmp 1 5 && cat 1
echo no picture >photos/red-cross.png
mmtool eval retrieval -m model photos
echo "= $?"
mmtool eval retrieval -m model --on-error skip --report list photos
cut -f 1,2 list
