# What does not fit is refused with file and line.
cd "$FIX/eval" || exit
try() {
	mmtool eval classify --labels "$@" 2>&1
	echo "= $?"
}
cd "$OLDPWD" || exit
D=$FIX/eval
cp "$D"/*.txt .
printf 'cat\n' >one
printf 'cat\n\n' >empty
printf 'cat\ncat\n' >twice
printf '0.1 0.2\n' >short
printf '0.1 0.2 0.3 0.4\n' >long
printf '0.1 nan 0.3\n' >nan
printf 'a\377b\n' >bytes
: >none
try labels.txt
try labels.txt --predictions one
try empty --predictions empty
try none --predictions none
try bytes --predictions one
try many.txt --predictions many.txt
try many.txt --predictions many.txt --multi-label --confusion
try labels.txt --predictions predictions.txt --classes classes.txt
try labels.txt --predictions labels.txt --classes twice
try one --scores short
try one --scores short --classes classes.txt
try one --scores long --classes classes.txt
try one --scores nan --classes classes.txt
try labels.txt --scores nan --classes classes.txt
try absent --predictions labels.txt
