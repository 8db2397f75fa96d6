mmtool view </dev/null; echo $?; mmtool view a b; echo $?
