# each broken table is refused by name, and leaves no output
cp "$FIX/photos/red-circle.png" p.png
try() { # NAME, bytes by printf
	printf "$2" >"$1"
	mmtool align pairs "$1" -o out.mmt
	echo "$1: $? $(ls out.mmt 2>/dev/null)"
}
try no-column.tsv 'a\tb\n1\t2\n'
try nul.tsv 'id\timage\ttext\na\tp.png\tq\0q\n'
try utf8.tsv 'id\timage\ttext\na\tp.png\tx\377\376\n'
try twice.tsv 'id\timage\ttext\na\tp.png\tx\na\tp.png\ty\n'
try short.tsv 'id\timage\ttext\na\n'
try long.csv 'id,image,text\na,p.png,x,y\n'
try empty.tsv ''
try lost.tsv 'id\timage\ttext\na\tlost.png\tx\n'
try folder.tsv 'id\timage\ttext\na\t.\tx\n'
try no-text.tsv 'id\timage\ttext\na\tp.png\t \n'
try no-image.tsv 'id\timage\ttext\na\t\tx\n'
try no-id.tsv 'id\timage\ttext\n\tp.png\tx\n'
try open.csv 'image,text\np.png,"x\n'
try behind.csv 'image,text\np.png,"x"y\n'
try utf16.csv '\377\376i\0m\0'
try time.csv 'image,text,start,end\np.png,x,1,soon\n'
try object.jsonl '{"image": "p.png", "text": "x"\n'
try array.jsonl '{"image": "p.png", "text": "x"}\n[1]\n'
try type.jsonl '{"image": "p.png", "text": {}}\n'
try box.jsonl '{"image": "p.png", "text": "x", "boxes": [[1, 2, 3]]}\n'
try phrases.jsonl '{"image": "p.png", "text": "x", "boxes": [[1, 2, 3, 4]], "phrases": []}\n'
try nul.jsonl '{"image": "p.png", "text": "x\\u0000"}\n'
