printf '{"1": ["a b c d e"], "2": ["c d e f", "c d"], "x": ["e"]}' >refs
printf '[{"image_id": 2, "caption": "c d e f g"}, {"image_id": 1, "caption": "a b c d"}]' >hyps
mmtool eval caption --subset --json --refs refs --hyps hyps
