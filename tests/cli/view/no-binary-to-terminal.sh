command -v script >/dev/null || { echo "skip: no script(1)"; exit; }
script -qec "mmtool view --image 1 $DATA/shapes.mmt" /dev/null | tr -d "\r"
