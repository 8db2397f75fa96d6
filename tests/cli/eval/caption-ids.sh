# Every id without partner is named, and nothing is scored.
printf '{"1": ["a b"], "2": ["c d"], "x": ["e"]}' >refs
printf '{"2": "c d", "3": "e f", "4": "g"}' >hyps
mmtool eval caption --refs refs --hyps hyps
