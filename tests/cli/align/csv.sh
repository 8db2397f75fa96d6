# CSV: byte order mark, CR LF, quotes, line ends in quotes, any separator
cp "$FIX/photos/red-circle.png" p.png
show() {
	mmtool align pairs "$1" | mmtool view --column id --column text -
}
printf '\357\273\277image,Caption\r\np.png,"a ""b"", c\r\nd"\r\n\r\np.png,two\r\np.png,"three"' >a.csv
show a.csv
printf 'image_name| comment_number| comment\np.png| 0| one "red", round\n' >b.csv
show b.csv
printf 'id;file;title\n7;p.png;"x;y"\n' >c.csv
show c.csv
# TSV: quotes that close are quotes, others are text
printf 'image\ttext\np.png\t"quoted ""so"""\np.png\t"open\np.png\t"a" b\np.png\t"over\ntwo lines"\n' >d.tsv
show d.tsv
