printf 'w1 w2 w3 w4 w5\n' >ref
printf 'w1 w2 w6 w7 w8 | w1 w3 w8 w9 w5\n' >hyp
mmtool eval rouge --sentence-mark '|' --json ref <hyp
mmtool eval rouge --stem ref <hyp
