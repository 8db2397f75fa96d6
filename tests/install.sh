#!/bin/sh
# `make install` into a folder, then build README's program against what lies
# there, with nothing but pkg-config's words, and run it.
#
#	usage: tests/install.sh BUILD
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
root=${here%/tests}
: "${CC:=cc}"
command -v pkg-config >/dev/null || { echo "skip: no pkg-config" && exit; }
! nm "$build/libmmtool.a" 2>/dev/null | grep -q '__[atu]b\{0,1\}san_' || {
	echo "skip: a library with sanitizers needs their flags"
	exit
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
make -s install BUILD="$build" DESTDIR="$work" PREFIX=/usr >/dev/null
cd "$work"
sed -n '/^```c$/,/^```$/p' "$root/README.md" | sed '/^```/d' >similar.c
[ -s similar.c ]
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$work"
# shellcheck disable=SC2046
$CC -std=c11 -Wall -Werror similar.c -o similar \
	$(pkg-config --cflags --libs --static mmtool)
cp -r "$root/tests/golden/dual-clip-vit/model" model
cp -r "$root/tests/data/shapes" .
chmod -R u+w model
cat >model/preprocessor_config.json <<'END'
{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32},
 "crop_size": {"height": 32, "width": 32}}
END
cat shapes/*.txt >captions.txt
usr/bin/mmtool vocab -q --type clip --size 550 captions.txt -o vocab
cp vocab/* model
./similar model shapes/red-cross.png 'a red cross' | grep -x '0\.[0-9]*\|-0\.[0-9]*'
! ./similar model nothing.png 'a red cross' 2>err
grep -q nothing.png err
