# Tabs part references; CRLF and a missing last line end are nothing.
printf 'a cat\tthe cat sat\r\na dog' >refs.txt
printf 'the cat sat\ta dog\n\n' >hyps.txt
mmtool eval caption --refs refs.txt --hyps hyps.txt --per-sample each --tokens-out t
cat each t.hyps t.refs
