mmtool view; echo $?; mmtool view a b; echo $?
