# stages run one after another, each in its folder, and resume
t() { mmtool train --preset tiny --tokenizer "$FIX/vocab" "$@" "$FIX/data.mmt"; }
cat >three.recipe <<'END'
batch-size = 8
epochs = 2
val = XX

[pairs]
init = pictures
loss = infonce,lm:0.5
[words]
loss = lm
init = none
steps = 1
[pictures]
loss = mae
END
sed -i "s#XX#$FIX/data.mmt#" three.recipe
t --recipe three.recipe -o run 2>err
sed 's/ [0-9.]* %/ N %/; s/loss [0-9.]*/loss N/' err
ls run run/words
# resumed where all is done: the same weights; without --resume refused
sha256sum run/model.safetensors run/pictures/model.safetensors >sums
t --recipe three.recipe -q --resume -o run && sha256sum --quiet -c sums
t --recipe three.recipe -q -o run
# what is wrong is named with its line
bad() { printf "$1" >bad.recipe; t -q --recipe bad.recipe -o bad; }
bad ''
bad '[a]\nepoch = 1\n'
bad '[a]\ninit = b\n[b]\ninit = a\n'
bad '[a]\ninit = a\n'
bad '[a]\ninit = c\n'
bad '[a]\n[b]\ninit = a c\n'
bad '[a]\n[b]\ninit = a, a\n'
bad '[a]\n[b]\ninit = a, none\n'
bad '[a]\n[b]\ninit = a, ./c\n'
bad '[a]\n[b]\ninit = ,\n'
bad '[a]\n[b]\ninit = a, c\n[c]\n'
bad '[a]\ninit = none\n[b]\ninit = c, a\n[c]\ninit = a, d\n[d]\ninit = b\n'
bad '[a]\n[a]\n'
bad '[a b]\n'
bad '[a\n'
bad 'epochs 5\n'
bad '[a]\nepochs = -1\n'
bad '[a]\noutput = x\n'
bad '[a]\nbatch-size = 8\nfreeze = image\nfreeze = text\nfreeze = head\n'
bad '[a]\nloss = lm\nbatch-size = 8\nfreeze = text\n'
bad '[a]\nbatch-size = 8\ndata = none.mmt\n'
t -q --recipe none.recipe -o bad
ls bad 2>/dev/null
