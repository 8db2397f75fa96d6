mmtool view nothere.mmt
