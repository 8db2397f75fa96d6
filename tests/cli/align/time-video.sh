# Video: frames by their own times, clocks of picture and sound.
cp "$FIX/time/vfr.mkv" "$FIX/time/shapes.srt" .
mmtool align time --media vfr.mkv --json >clocks 2>log
grep -q 'no FFmpeg\|cannot load' log && { echo "skip: no FFmpeg"; exit; }
cat log clocks
mmtool align time --media vfr.mkv
mmtool align time --text shapes.srt --frames vfr.mkv -o a.mmt
mmtool view --column id --column frame.id --column frame.time a.mmt
mmtool view --image 2 --output f.png a.mmt && mmtool align time --text shapes.srt --frames vfr.mkv --pick uniform:4 --match previous |
	mmtool view --column id --column frame.id --column frame.time -
mmtool align time --text shapes.srt --media vfr.mkv --json
head -c 3000 vfr.mkv >cut.mkv
mmtool align time --text shapes.srt --frames cut.mkv -o b.mmt
printf '\001\002\003 no video' >no.mkv
mmtool align time --text shapes.srt --frames no.mkv -o b.mmt
mmtool align time --audio no.mkv --audio vfr.mkv
ls
