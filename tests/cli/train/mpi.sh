# two processes learn what one does, to the rounding of sums
command -v mpirun >/dev/null || { echo "skip: no mpirun"; exit 0; }
# The library's own memory is not ours to look for.
export ASAN_OPTIONS=detect_leaks=0
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
t() { o=$1; shift; mmtool train -q --preset micro -B 8 --steps 4 --dropout 0.1 "$@" -o "$o" "$FIX/data.mmt"; }
mpi() { n=$1; shift; mpirun -n "$n" sh -c "mmtool train -j 1 -q --preset micro -B 8 $* $FIX/data.mmt" 2>&1; }
mpi 2 --steps 1 -o try >try.log || {
	grep -q 'built without MPI' try.log && echo "skip: built without MPI" && exit 0
	cat try.log
}
losses() { sed -n 's/.*"loss": *\([0-9.e+-]*\).*/\1/p' "$1/log.jsonl"; }
near() {
	losses "$1" >a && losses "$2" >b && paste a b |
		awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-5 * $1) bad++ }
			END { print NR " losses, " bad + 0 " differ" }'
}
for loss in multi,lm,mae:0.5 infonce; do
	rm -rf one two
	t one --loss $loss
	mpi 2 --steps 4 --dropout 0.1 --loss $loss -o two
	near one two
done
# checkpoints are anybody's
mpi 2 --steps 4 --dropout 0.1 --loss infonce --save-every 2 -o half | grep -v '^$'
t half --loss infonce --resume && echo resumed
# what cannot be shared is refused
mpi 3 --steps 1 -o bad | grep -o '3 processes cannot.*' | sort -u
mpi 16 --steps 1 -o bad | grep -o '16 processes cannot.*' | sort -u
ls bad 2>/dev/null
