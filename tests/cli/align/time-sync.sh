# Offset and drift of subtitles against speech; what does not belong is refused.
wav=$MMTOOL_SHARED/data/audio/jfk.wav
[ -e "$wav" ] || { echo "skip: no $wav"; exit; }
ln -s "$wav" jfk.wav
wav=jfk.wav
# moved SHIFT RATIO: the cues RATIO times as late, SHIFT seconds later.
moved() {
	awk -v s="$1" -v r="$2" '
		function sec(t, p) {
			split(t, p, /[:,]/)
			return p[1] * 3600 + p[2] * 60 + p[3] + p[4] / 1000
		}
		/-->/ { printf "%.3f\t%.3f\tx\n", sec($1) * r + s, sec($3) * r + s }
	' "$FIX/time/jfk.srt" >moved.tsv
}
# The answer: is the offset within 0.1 s of -SHIFT, and what is the ratio?
answer() {
	mmtool align time --text moved.tsv --media "$wav" --json | tr -d '{}"' |
		awk -F '[:,]' -v s="$1" '{
			d = $2 + s
			print (d < 0.1 && d > -0.1 ? "offset ok" : "offset " $2),
				"drift", sprintf("%.4f", $4),
				($6 > 5 ? "sure" : "unsure")
		}'
}
for s in 0 1.5 -2 3.7 20 -30 59; do
	moved $s 1
	answer $s
done
for r in 1.0416667 0.96; do
	moved 0 $r
	answer 0
done
echo "== the stream has the times moved"
moved 3.7 1
mmtool align time -q --text moved.tsv --media "$wav" |
	mmtool view --column time - |
	awk -F , '$1 > 0.15 && $1 < 0.45 || NR > 1 { n++ } END { print n }'
mmtool align time -q --text moved.tsv --offset -3.7 --drift 1 |
	mmtool view --column time -
echo "== told one of the two"
mmtool align time --text moved.tsv --media "$wav" --drift 1 --json |
	cut -c 1-13
mmtool align time --text moved.tsv --media "$wav" --offset -3.7 --json |
	cut -c 1-30
echo "== other cues, noise, silence, no cue that lasts"
printf '1\t1.5\ta\n2\t4.5\tb\n6.5\t7\tc\n7.3\t11\td\n12\t14\te\n' >other.tsv
mmtool align time --text other.tsv --media "$wav" --json
mmtool align time --text other.tsv --media "$wav" -o refused.mmt
ls refused.mmt 2>&1 | grep -c 'No such'
mmtool align time --text other.tsv --media "$wav" --json --force |
	grep -c confidence
{
	printf 'RIFF\0\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\0\175\0\0\002\0\020\0data\0\0\0\0'
	awk 'BEGIN { x = 7; for (i = 0; i < 320000; i++) {
		x = (x * 16807) % 2147483647
		printf "%c", 65 + x % 26 } }'
} >noise.wav
moved 0 1
mmtool align time --text moved.tsv --media noise.wav --json
mmtool align time --audio "$wav" --audio noise.wav
{
	printf 'RIFF\0\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\0\175\0\0\002\0\020\0data\0\0\0\0'
	head -c 300000 /dev/zero
} >silence.wav
mmtool align time --text moved.tsv --media silence.wav --json
mmtool align time --audio silence.wav --audio "$wav" --json
printf '1\t1\tx\n' >point.tsv
mmtool align time --text point.tsv --media "$wav" --json
echo "== sound against sound"
{ head -c 44 "$wav"; head -c 24000 /dev/zero; tail -c +45 "$wav"; } >late.wav
size=$(($(wc -c <late.wav) - 44))
{
	printf 'RIFF\0\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\200\076\0\0\0\175\0\0\002\0\020\0data\0\0\0\0'
	tail -c "$size" late.wav
} >later.wav
mmtool align time --audio "$wav" --audio later.wav --json | cut -c 1-16
mmtool align time --audio later.wav --audio "$wav" --json | cut -c 1-17
mmtool align time --audio "$wav" --audio later.wav | cut -c 1-17
echo "== bad sound, bad use"
head -c 1000 "$wav" >cut.wav
mmtool align time --text moved.tsv --media cut.wav
head -c 30 "$wav" >cut.wav
mmtool align time --text moved.tsv --media cut.wav
: >empty.wav
mmtool align time --text moved.tsv --media empty.wav
mmtool align time --text moved.tsv --media none.wav
mmtool align time --audio "$wav"
mmtool align time --audio "$wav" --audio "$wav" --text moved.tsv
mmtool align time --text moved.tsv --offset auto
mmtool align time --text moved.tsv --json
mmtool align time --text moved.tsv --offset x
