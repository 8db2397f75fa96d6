# --cache: the packed weights are kept, mapped by the next run, left alone
# where nothing is missing, and made anew where the weights have changed.
cp -r "$FIX/model" "$FIX/photos" "$FIX/captions.txt" .
cache=model/mmtool-packed.safetensors
mmtool embed -m model -o plain.mmt photos
[ ! -e $cache ] && echo "no cache unasked"
mmtool embed --cache -m model -o first.mmt photos
cp $cache first.cache
mmtool embed --cache -m model -o second.mmt photos
cmp plain.mmt first.mmt && cmp plain.mmt second.mmt && echo "same vectors"
cmp first.cache $cache && echo "same cache"
# The text tower is added to what is there.
mmtool embed --cache --text -m model -o text.mmt captions.txt
mmtool embed --text -m model -o text-plain.mmt captions.txt
cmp text.mmt text-plain.mmt && echo "same vectors"
[ "$(wc -c <$cache)" -gt "$(wc -c <first.cache)" ] && echo "cache grew"
# Weights of another time: not trusted.
touch -d '2001-02-03' model/model.safetensors
cp $cache stale.cache
mmtool embed --cache -m model -o third.mmt photos
cmp plain.mmt third.mmt && echo "same vectors"
cmp -s stale.cache $cache || echo "made anew"
# Nor is a file cut short.
head -c 1000 first.cache >$cache
mmtool embed --cache -m model -o fourth.mmt photos
cmp plain.mmt fourth.mmt && echo "same vectors"
