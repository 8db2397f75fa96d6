# Specials, letters, continuing letters, merges; --cased keeps capitals.
printf 'Hug hug pug\nPun bun\n\nhugs HUGS caf\303\251\n' >t
mmtool vocab --type wordpiece --size 40 --min-count 1 t -o a
tr '\n' ' ' <a/vocab.txt && echo
mmtool vocab --type wordpiece --size 40 --cased --max-length 16 t -o b
tr '\n' ' ' <b/vocab.txt && echo
grep -o '"do_lower_case.*\|"model_max_length.*' b/tokenizer_config.json
