# a stage begins with what several others learnt, each tower from its own
t() { mmtool train -q --tokenizer "$FIX/vocab" "$@" "$FIX/data.mmt"; }
cat >three.recipe <<'END'
batch-size = 8
steps = 2
preset = tiny
[words]
loss = lm
[pictures]
init = none
loss = mae
[pairs]
init = pictures, words
loss = multi
lr = 0
weight-decay = 0
END
t --recipe three.recipe -o run
vectors() { mmtool embed -q "$1" -m "$2" "$FIX/data.mmt" -o "$3"; }
vectors --image run/pictures a && vectors --image run b && cmp a b
vectors --text run/words a && vectors --text run b && cmp a b
vectors --text run/pictures b && cmp -s a b || echo words moved the text tower
# what one of them has from the other is no conflict
sed 's/^init = none/init = words/' three.recipe >chain.recipe
t --recipe chain.recipe -o chain && cmp run/words/model.safetensors \
	chain/words/model.safetensors &&
	cmp run/model.safetensors chain/model.safetensors
vectors --text chain b && cmp a b
# resumed where the last stage was not: the same weights
cp run/model.safetensors want && rm run/*.safetensors
t --recipe three.recipe --resume -o run && cmp want run/model.safetensors
# a convolutional tower's running statistics belong to it; adapters too
cat >conv.recipe <<'END'
batch-size = 8
steps = 2
arch = clip_resnet
preset = tiny
[words]
loss = lm
lora = 2
[sight]
init = none
loss = infonce
freeze = text
freeze = head
[pairs]
init = words, sight
loss = infonce
lock-image = yes
lr = 0
weight-decay = 0
END
t --recipe conv.recipe -o conv
vectors --image conv/sight a && vectors --image conv b && cmp a b
vectors --text conv/words a && vectors --text conv b && cmp a b
vectors --text conv/sight b && cmp -s a b || echo adapters moved the text tower
# what does not fit together is refused
bad() {
	printf "batch-size = 8\nsteps = 1\n$1" >bad.recipe
	rm -rf bad
	t --preset tiny --recipe bad.recipe -o bad
}
bad '[a]\nloss = lm\n[b]\ninit = none\nloss = lm\nseed = 2\n[c]\ninit = a, b\n'
bad '[a]\nloss = multi\n[b]\nloss = mae\n[c]\ninit = a, b\n'
bad '[a]\nloss = lm\n[b]\ninit = none\nloss = mae\npreset = micro\n[c]\ninit = a, b\n'
bad '[a]\nloss = lm\n[b]\ninit = none\narch = siglip\nloss = mae\n[c]\ninit = a, b\n'
