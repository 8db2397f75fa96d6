# A folder with PyTorch's file alone: other commands say what to do, and after
# it they work.
mkdir in && cp "$FIX"/model/*.json in && cp "$FIX/checkpoint.pt" in/pytorch_model.bin
mmtool embed --text -m in "$FIX/captions.txt" -o x.mmt
echo "exit $?"
mmtool convert in -o out && ls out
