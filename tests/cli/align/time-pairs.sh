# Cues with frames and with events.
cp -r "$FIX/time" "$FIX/photos" .
run() { mmtool align time --text time/shapes.srt "$@"; }
echo "== nearest frame, its picture"
run --frames time/frames.tsv |
	mmtool view --column id --column frame.id --column frame.time \
		--column image.path -
echo "== three points, the frame shown then"
run --frames time/frames.tsv --pick uniform:3 --match previous |
	mmtool view --column id --column frame.id -
echo "== tolerance"
run --frames time/frames.tsv --tolerance 0.3 |
	mmtool view --column id --column frame.id -
echo "== events"
run --events time/events.csv --match overlap --min-overlap 0.2 |
	mmtool view --column id --column event.id --column event.time \
		--column event.text -
echo "== a folder, times and numbers as names"
mkdir f g
cp photos/blue-cross.png f/shot_1.20.png
cp photos/blue-cross.png f/shot_00-00-03.png
cp photos/blue-cross.png f/x-00-00-05.000.png
for i in 026 027 076 126; do cp photos/blue-cross.png g/im_$i.png; done
rm f/shot_00-00-03.png
run --frames f | mmtool view --column id --column frame.id -
run --frames g --fps 25 |
	mmtool view --column id --column frame.id --column frame.time -
run --frames g
mkdir empty
run --frames empty
cp photos/blue-cross.png empty/cross.png
run --frames empty
echo "== bad tables"
printf 'id\ttime\na\t1\nb\tx\n' >bad.tsv
run --frames bad.tsv
printf 'id\ttime\timage\na\t1\tlost.png\n' >bad.tsv
run --frames bad.tsv
printf 'id\tstart\tend\na\t3\t1\n' >bad.tsv
run --events bad.tsv
printf 'a b c\n' >bad.tsv
run --events bad.tsv
: >bad.tsv
run --events bad.tsv
run --events none.tsv
