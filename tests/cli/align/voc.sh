# folders as Flickr30k Entities and VOC lay them out
mkdir -p f/Annotations f/Sentences f/flickr30k-images v/Annotations v/JPEGImages v/ImageSets/Main
cp "$FIX/photos/red-cross.png" f/flickr30k-images/36.jpg
cp "$FIX/photos/red-cross.png" v/JPEGImages/a.png
xml() { printf '<?xml version="1.0"?>\n<annotation><filename>%s</filename>\n<size><width>32</width></size>%s</annotation>\n' "$@"; }
box() { printf '<object>'; n=$1; shift; printf '<name>%s</name>' $n
	printf '<bndbox><xmin>%s</xmin><ymin>%s</ymin><xmax> %s </xmax><ymax>%s</ymax></bndbox></object>' "$@"; }
xml 36.jpg "$(box '1 2' 1 1 32 16)$(box 1 5 6 7 8)<object><name>3</name><scene>1</scene><nobndbox>1</nobndbox></object>" >f/Annotations/36.xml
printf '[/EN#1/people Two men] and [/EN#2/people/other a dog] near [/EN#3/scene a house] .\r\n\nNo [/EN#0/notvisual mark] here\n' >f/Sentences/36.txt
show() { mmtool view --column id --column text --column boxes --column phrases --column image.id "$@"; }
mmtool align pairs f -o f.mmt && show f.mmt
mmtool align space -q --check f
xml a.png "$(box dog 2 3 10 11)$(box 'person' 0 0 32 32)" >v/Annotations/a.xml
echo 'a -1' >v/ImageSets/Main/val.txt && : >v/ImageSets/Main/train.txt
mmtool align pairs v | mmtool view --column id --column boxes --column phrases -
for s in train val train,val test; do mmtool align pairs --split $s v | mmtool view --rows 9 --column id - ; done
# what is wrong is said
xml 37.jpg "$(box 1 1 2 x 4)" >f/Annotations/37.xml && cp f/Sentences/36.txt f/Sentences/37.txt
xml 38.jpg '<object>' >f/Annotations/38.xml && cp f/Sentences/36.txt f/Sentences/38.txt
echo 'a [/EN#1 dog] or [two' | tee f/Sentences/39.txt >f/Sentences/40.txt && xml 36.jpg '' >f/Annotations/39.xml
echo 'or [two' >>f/Sentences/39.txt
mmtool align pairs --on-error skip --report r.tsv f | mmtool view --column id - && cut -f 1,3 r.tsv
