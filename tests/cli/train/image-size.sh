# Pictures of another size than the model's: the folder that comes out has the
# positions that embed resizes the old ones to, and stages go on from there.
mmtool preprocess -m "$FIX/model" --image-size 48 --max-length 16 \
	"$FIX/photos" -o wide.mmt || exit
mmtool train -m "$FIX/model" -q -B 2 --steps 1 -o none wide.mmt
echo "exit $?"
mmtool train -m "$FIX/model" --image-size 48 --lr 0 -q -B 2 --steps 1 -o out \
	wide.mmt || exit
grep -o '"image_size": [0-9]*' out/config.json
grep -A 1 '"crop_size"' out/preprocessor_config.json
mmtool embed --image -m "$FIX/model" --image-size 48 "$FIX/photos" -o a.mmt
mmtool embed --image -m out "$FIX/photos" -o b.mmt
cmp a.mmt b.mmt && echo the same vectors
cat >stages <<R
[small]
init = $FIX/model
[large]
init = small
image-size = 48
data = wide.mmt
R
mmtool train --recipe stages --lr 0 -q -B 2 --steps 1 -o staged "$FIX/data.mmt" ||
	exit
find staged -name config.json | sort | xargs grep -o '"image_size": [0-9]*'
# What is saved half-way resumes.
mmtool train -m "$FIX/model" --image-size 48 -q -B 2 --steps 2 -o whole wide.mmt
mmtool train -m "$FIX/model" --image-size 48 -q -B 2 --steps 2 --resume \
	-o whole wide.mmt && echo resumed
# The pool of a ResNet has positions for one size of map; patches have a size.
mmtool train --arch clip_resnet --preset tiny --tokenizer "$FIX/vocab" -q -B 8 \
	--steps 1 -o rn "$FIX/data.mmt" >/dev/null
mmtool train -m rn --image-size 48 -q -B 2 --steps 1 -o rn48 wide.mmt
mmtool train -m rn --image-size 64 -q -B 2 --steps 1 -o none wide.mmt
mmtool train -m "$FIX/model" --image-size 2 -q -B 2 --steps 1 -o none wide.mmt
ls
