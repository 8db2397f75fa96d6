: >empty.mmt
mmtool view empty.mmt
