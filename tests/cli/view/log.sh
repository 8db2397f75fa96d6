# runs beside each other; a killed run's half line is no harm
mkdir run
cat >run/log.jsonl <<'END'
{"step":1,"loss":4.5,"lr":{"image":0.1},"samples_per_s":10}
{"step":2,"loss":3.5,"lr":{"image":0.2},"samples_per_s":20}
{"step":2,"val":{"recall@1":0.25,"lm":{"loss":3.0}}}
{"step":3,"loss":3.75,"samples_per_s":30}
{"step":3,"val":{"recall@1":0.5,"lm":{"loss":3.5}}}
{"step":4,"lo
END
mmtool view --log run run/log.jsonl
mmtool view --log --json run | tr -d ' \n' | sed 's/.*"val.lm.loss":\([^}]*}\).*/\1\n/'
# what is no log
echo '{"a":1}' >bad.jsonl && mmtool view --log bad.jsonl
printf '{"step":1,"loss":2}\nx\n{"step":2}\n' >bad.jsonl && mmtool view --log bad.jsonl
: >bad.jsonl; mmtool view --log bad.jsonl
mmtool view --log none
mmtool view run run
