#!/bin/sh
# What the tests and the manual's examples work on, made in the current folder:
#
#	photos/		16 pictures with a caption each
#	shapes.mmt	the same as a stream of pixels
#	eval/		judgements, results, labels and answers for eval
set -e
cp -r "$DATA/shapes" photos
cp "$DATA/shapes.mmt" .
cp -r "$DATA/eval" eval
