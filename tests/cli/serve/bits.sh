# Vectors have the bits of embed, whoever shared their batch.
. "$DATA/../cli/serve/server"
start --max-batch 5 --max-wait 20
mmtool embed -m "$FIX/model" --text --npy "$FIX/captions.txt" -o text.npy
mmtool embed -m "$FIX/model" --image --npy "$FIX"/photos/*.png -o image.npy
array text.npy >text.want
array image.npy >image.want

all=$(sed 's/.*/"&"/' "$FIX/captions.txt" | paste -sd,)
printf '{"input": [%s], "encoding_format": "base64"}' "$all" >text.json
curl -s "$url/v1/embeddings" -H "$json" -d @text.json | vectors | cmp - text.want &&
	echo "one request: the same"

# Sixteen requests at a time, pictures and texts mixed.
i=0
for p in "$FIX"/photos/*.png; do
	i=$((i + 1))
	printf '{"input": {"image": "%s"}, "encoding_format": "base64"}' \
		"$(base64 -w 0 "$p")" >"i$i.json"
	printf '{"input": "%s", "encoding_format": "base64"}' \
		"$(sed -n "${i}p" "$FIX/captions.txt")" >"t$i.json"
done
for round in 1 2 3; do
	jobs=
	for k in $(seq $i); do
		curl -s "$url/v1/embeddings" -H "$json" -d "@i$k.json" >"i$k.out" &
		jobs="$jobs $!"
		curl -s "$url/v1/embeddings" -H "$json" -d "@t$k.json" >"t$k.out" &
		jobs="$jobs $!"
	done
	wait $jobs
	for k in $(seq $i); do vectors <"i$k.out"; done | cmp - image.want &&
		for k in $(seq $i); do vectors <"t$k.out"; done | cmp - text.want &&
		echo "many requests: the same"
done
curl -s "$url/metrics" | sed -n 's/^mmtool_inputs_total/inputs/p'
stop
