# Every format of cues to a stream; bad ones named with their line.
show() { mmtool view --column id --column time --column text "$@"; }
printf '1\n00:00:01,500 --> 00:00:03,000\nHello <i>world</i>\n\n2\n00:75 --> 1\nx\n' >a.srt
printf 'WEBVTT\n\nc1\n00:01.000 --> 00:02.000\n<v Ann>x &amp; y\n\n00:61.000 --> 1\nbad\n' >a.vtt
printf '[00:01.0]la\n[00:02.5]lo\n' >a.lrc
printf 'start;end;text\n1;00:00:02.5;"a; b"\n3;2;back\n' >a.csv
printf '1\t2\tno header\n' >a.tsv
printf '"ooTextFile" "TextGrid" 0 2 <exists> 2 "IntervalTier" "w" 0 2 1 0 2 "word" "TextTier" "p" 0 2 1 1 "dot"' >a.TextGrid
iconv -t UTF-16 a.TextGrid >b.TextGrid
for f in a.srt a.vtt a.lrc a.csv a.tsv a.TextGrid b.TextGrid; do
	echo "== $f"
	mmtool align time --on-error skip --text $f | show -
done
echo "== stdin, one tier, speaker"
mmtool align time --tier p --text - <a.TextGrid | show -
mmtool align time -q --format vtt --text - <a.vtt |
	mmtool view --column speaker -
echo "== failures"
mmtool align time --text a.srt
mmtool align time --tier q --text a.TextGrid
mmtool align time --text none.srt
printf 'what is this' >x
mmtool align time --text x
mmtool align time --format lrc --text x
mmtool align time
mmtool align time --text a.srt --pick last
mmtool align time --text a.srt --frames f --events e
printf '1\n00:01 --> 00:02\na\377' >x.srt
mmtool align time --text x.srt
printf 'WEBVT' >x.vtt
mmtool align time --text x.vtt
