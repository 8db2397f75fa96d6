# --strip, --map; a rule that is none; two tensors of one name.
names() { grep -ao '"[a-z.]*":[ ]*{"dtype":[ ]*"[^"]*"' "$1/model.safetensors"; }
mmtool convert "$FIX/checkpoint.pt" --strip module.a. -o a && names a
cat >rules <<'R'
# the bias goes, the weight is called after its last part
*.bias -
module.* net.*.x
R
mmtool convert "$FIX/checkpoint.pt" --map rules -o b && names b
echo 'module.* one' >rules
mmtool convert "$FIX/checkpoint.pt" --map rules -o c
echo 'module.* one two' >rules
mmtool convert "$FIX/checkpoint.pt" --map rules -o c
mmtool convert "$FIX/checkpoint.pt" --map nothere -o c
mmtool convert "$FIX/checkpoint.pt" --strip 'a b' -o c
echo "exit $?"
ls
