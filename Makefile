# Variables a packager may set: CC CFLAGS LDFLAGS PREFIX DESTDIR.
# Variables a developer may set: SAN=address,undefined  WERROR=1  V=1
#
# Objects mirror the sources under build/ (build/SAN/ for a sanitizer build).
# build/double/ holds base, kernel, tensor and graph once more with MM_DOUBLE,
# where mm_real is double: that is what gradients are checked with.

CC      ?= cc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
VERSION := 0.1.0
comma   := ,
# Only LLVM's OpenMP tells the thread sanitizer about its barriers (Archer).
ifeq ($(SAN),thread)
CC      := clang
endif
BUILD   := build$(if $(SAN),/$(subst $(comma),-,$(SAN)))
ROOT    := $(DESTDIR)$(PREFIX)
Q       := $(if $(V),,@)
PKG     := $(shell command -v pkg-config)
have     = $(shell $(PKG) --exists $(1) 2>/dev/null && echo 1)

# Libraries that must be there, and those that are used where they are found.
LIBS    := libpng libjpeg jansson libutf8proc zlib
OPT_LIBS := $(if $(call have,libwebpdemux),libwebp libwebpdemux)
HAVE    := $(if $(filter libwebp,$(OPT_LIBS)),-DHAVE_WEBP)
# Only their headers: they are loaded on first use (lib/base/dynlib.h).
LAZY    := $(foreach l,libarchive libxml-2.0 libmicrohttpd ompi-c,$(if $(call have,$(l)),$(l)))
AV      := libavformat libavcodec libavutil libswscale
AV      := $(if $(filter 1111,$(subst $() ,,$(foreach l,$(AV),$(call have,$(l))))),$(AV))
LAZY    += $(AV)
HAVE    += $(if $(AV),-DHAVE_LIBAV)
HAVE    += $(if $(filter libarchive,$(LAZY)),-DHAVE_ARCHIVE) \
	   $(if $(filter libxml-2.0,$(LAZY)),-DHAVE_XML) \
	   $(if $(filter libmicrohttpd,$(LAZY)),-DHAVE_MICROHTTPD) \
	   $(if $(filter ompi-c,$(LAZY)),-DHAVE_MPI)

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	   -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
	   -Wcast-align -Wcast-qual -Wwrite-strings -Wvla -Wundef \
	   -Wformat=2 -Wfloat-conversion -fno-common $(if $(WERROR),-Werror)
# A sanitizer's checks keep loops from being vectorised: no cause to warn.
SANITY  := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	   -fno-omit-frame-pointer \
	   $(if $(findstring clang,$(CC)),-Wno-pass-failed))
# A small program: what nobody calls stays out, and so do tables for unwinding.
SMALL   := -ffunction-sections -fdata-sections \
	   $(if $(SAN),,-fno-asynchronous-unwind-tables)
# No contraction: a sum has the same bits whatever the compiler likes.
ALL_C   := -std=c11 -D_POSIX_C_SOURCE=200809L -Ilib -MMD -MP $(WARN) \
	   $(SANITY) $(SMALL) -fopenmp -ffp-contract=off $(HAVE) \
	   $(shell $(PKG) --cflags $(LIBS) $(OPT_LIBS) $(LAZY)) $(CFLAGS)
# A bit for each address that the loader moves, where the C library can read
# that (glibc 2.36), instead of 24 bytes.
RELR    := $(if $(SAN),,$(shell grep -qs GLIBC_ABI_DT_RELR \
	   "$$($(CC) -print-file-name=libc.so.6)" && \
	   echo -Wl,-z,pack-relative-relocs))
ALL_L   := $(SANITY) -fopenmp -Wl,--gc-sections $(RELR) $(LDFLAGS)
LDLIBS  := $(shell $(PKG) --libs $(LIBS) $(OPT_LIBS)) -ldl -lm

# Kernels are loops: let the compiler unroll them.  NAME_avx2.c and
# NAME_avx512.c hold the versions that are picked at run time by cpuid.
FAST    := -O3 -fno-math-errno -fno-trapping-math
KERNELS := $(BUILD)/lib/kernel/% $(BUILD)/double/lib/kernel/%
AVX2    := -mavx2 -mfma -mf16c -ffp-contract=fast
AVX512  := $(AVX2) -mavx512f -mavx512bw -mavx512dq -mavx512vl \
	   -mprefer-vector-width=512
$(KERNELS:=.o): EXTRA_C = $(FAST)
ifeq ($(shell uname -m),x86_64)
$(KERNELS:=_avx2.o): EXTRA_C = $(FAST) $(AVX2)
$(KERNELS:=_avxvnni.o): EXTRA_C = $(FAST) $(AVX2) -mavxvnni
$(KERNELS:=_avx512.o): EXTRA_C = $(FAST) $(AVX512)
$(KERNELS:=_avx512vnni.o): EXTRA_C = $(FAST) $(AVX512) -mavx512vnni
$(KERNELS:=_avx512bf16.o): EXTRA_C = $(FAST) $(AVX512) -mavx512bf16
$(KERNELS:=_amx.o): EXTRA_C = $(FAST) $(AVX512) -mamx-tile -mamx-int8 -mamx-bf16
$(BUILD)/lib/image/loops_avx2.o: EXTRA_C = -O3 -mavx2
$(BUILD)/lib/image/loops_avx512vnni.o: EXTRA_C = -O3 -mavx2 -mavx512f \
	-mavx512bw -mavx512vl -mavx512vnni
endif
# Vectors of 64 bytes on any processor; no function passes one.
$(BUILD)/tests/unit/check_kernel_amx.o: EXTRA_C = -Wno-psabi
# Small rather than fast: kernels where there is no AVX2, and what only tells
# kernels what to do.
PLAIN   := attention_base depthwise_base gemm_base packed_base packed_int8_base \
	   vec conv depthwise depthwise_planes patches
$(PLAIN:%=$(BUILD)/lib/kernel/%.o): EXTRA_C = -O2 $(filter-out -O3,$(FAST))
ROOMS   := lib/align lib/compress lib/data lib/graph lib/model lib/onnx lib/serve \
	   lib/train cmd
$(ROOMS:%=$(BUILD)/%/%.o): EXTRA_C = -Os
# Loops over pixels: integers only, see lib/image/loops.h.
$(BUILD)/lib/image/loops.o: EXTRA_C = -O3

# Files that are part of the program: lib/serve/page.html is mm_asset_page.
ASSETS  := $(wildcard lib/serve/*.html lib/serve/*.json)
LIB_O   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*/*.c)) \
	   $(ASSETS:%=$(BUILD)/%.o)
CMD_O   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard cmd/*.c))
DBL_O   := $(patsubst %.c,$(BUILD)/double/%.o,\
	   $(wildcard lib/base/*.c lib/kernel/*.c lib/tensor/*.c lib/graph/*.c))
# check_double_NAME.c is linked with the double library, check_cmd_NAME.c with
# cmd/ but main.c, any other check_NAME.c with the library.
UNIT    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/check_*.c))
BENCH   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))
# A fuzz harness is linked twice: here with a driver that replays files, and by
# `make fuzz` with clang's libFuzzer.
FUZZ    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
MAN     := $(patsubst %,$(BUILD)/%,$(wildcard man/*.[157]))

# ONNX's own checker, where it is installed (C++, for one test).
ONNX_CC := $(if $(SAN),,$(and $(wildcard /usr/include/onnx/checker.h),\
	   $(wildcard /usr/include/google/protobuf/message.h),\
	   $(shell command -v $(CXX)),$(BUILD)/tests/onnx_checker))

all: $(BUILD)/mmtool
tests: $(UNIT) $(FUZZ) $(ONNX_CC) man
bench-programs: $(BENCH) $(BUILD)/tests/bench/load
bench: $(BUILD)/mmtool bench-programs
	@for b in $(BENCH); do echo "== $${b##*/}" && $$b || exit 1; done
	@$(if $(filter ompi-c,$(LAZY)),! command -v mpirun >/dev/null || \
		for n in 2 4; do OMPI_ALLOW_RUN_AS_ROOT=1 \
		OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe \
		--mca btl_vader_single_copy_mechanism none -n $$n \
		$(BUILD)/tests/bench/bench_world || exit 1; done,:)
	@! command -v $${PY:-python3} >/dev/null || { echo "== training with PyTorch" && \
		$${PY:-python3} scripts/peers/train_step.py; }
	@$${PY:-python3} -c 'import onnx, onnxruntime, safetensors' 2>/dev/null || \
		exit 0; echo "== ONNX Runtime" && \
		BUILD=$(BUILD) $${PY:-python3} scripts/peers/onnx-runtime-speed
	@echo "== serve" && MMTOOL=$(abspath $(BUILD)/mmtool) tests/bench/serve.sh

$(BUILD)/cmd/common.o: EXTRA_C = -DMM_VERSION='"$(VERSION)"'
$(BUILD)/mmtool: $(CMD_O) $(BUILD)/libmmtool.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_L) -o $@ $^ $(LDLIBS)
$(BUILD)/libmmtool.a: $(LIB_O)
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/double/libmmtool.a: $(DBL_O)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/double/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_C) $(EXTRA_C) -DMM_DOUBLE -c -o $@ $<
$(BUILD)/tests/unit/check_double_%.o: tests/unit/check_double_%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_C) -DMM_DOUBLE -c -o $@ $<
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_C) $(EXTRA_C) -c -o $@ $<
$(ASSETS:%=$(BUILD)/%.c): $(BUILD)/%.c: % Makefile
	@mkdir -p $(@D)
	$(Q){ echo '#include "serve/server_impl.h"' && \
		echo 'static const unsigned char gz[] = {' && \
		gzip -9nc $< | od -An -v -tx1 | \
			sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' && \
		echo '};' && name=$(basename $(<F)) && \
		echo "const struct mm_asset mm_asset_$$name = {" && \
		echo "	gz, sizeof(gz), $$(wc -c <$<) };"; } >$@.tmp && \
		mv $@.tmp $@
$(ASSETS:%=$(BUILD)/%.o): %.o: %.c
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_C) -c -o $@ $<
CHECK_L := $(shell $(PKG) --libs check 2>/dev/null)
$(BUILD)/tests/unit/check_double_%: $(BUILD)/tests/unit/check_double_%.o \
		$(BUILD)/double/libmmtool.a
	$(Q)$(CC) $(ALL_L) -o $@ $^ $(CHECK_L) $(LDLIBS)
$(BUILD)/tests/unit/check_cmd_%: $(BUILD)/tests/unit/check_cmd_%.o \
		$(filter-out %/main.o,$(CMD_O)) $(BUILD)/libmmtool.a
	$(Q)$(CC) $(ALL_L) -o $@ $^ $(CHECK_L) $(LDLIBS)
$(BUILD)/tests/unit/check_%: $(BUILD)/tests/unit/check_%.o $(BUILD)/libmmtool.a
	$(Q)$(CC) $(ALL_L) -o $@ $^ $(CHECK_L) $(LDLIBS)
# FUZZER=1 (set by `make fuzz`): libFuzzer brings the main function.
FUZZ_O  := $(patsubst %,$(BUILD)/tests/fuzz/%.o,fuzz $(if $(FUZZER),,replay))
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_O) \
		$(BUILD)/libmmtool.a
	$(Q)$(CC) $(ALL_L) $(if $(FUZZER),-fsanitize=fuzzer) -o $@ $^ $(LDLIBS)
$(BUILD)/tests/bench/bench_%: $(BUILD)/tests/bench/bench_%.o \
		$(BUILD)/tests/bench/bench.o $(BUILD)/libmmtool.a
	$(Q)$(CC) $(ALL_L) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/bench/load: $(BUILD)/tests/bench/load.o $(BUILD)/libmmtool.a
	$(Q)$(CC) $(ALL_L) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/onnx_checker: tests/onnx_checker.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O1 -DONNX_ML=1 -DONNX_NAMESPACE=onnx -o $@ $< \
		-lonnx -lonnx_proto -lprotobuf

# Documentation: hand-written pages with what the option tables say put in.
man: $(MAN) $(BUILD)/mmtool.bash
$(BUILD)/man/%: man/% $(BUILD)/mmtool scripts/man-page
	@mkdir -p $(@D)
	$(Q)scripts/man-page $(BUILD)/mmtool $< >$@.tmp && mv $@.tmp $@
$(BUILD)/mmtool.bash: $(BUILD)/mmtool
	$(Q)$< describe completion >$@.tmp && mv $@.tmp $@

check: all tests
	@tests/run $(BUILD)
check-unit: $(UNIT)
	@for t in $(UNIT); do $$t || exit 1; done
check-cli: all man
	@MMTOOL=$(abspath $(BUILD))/mmtool tests/cli/run.sh
check-fuzz: $(FUZZ)
	@for t in $(FUZZ); do name=$${t##*/fuzz_} && \
		$$t tests/fuzz/corpus/$$name 2>$$t.log || \
		{ tail -n 40 $$t.log; exit 1; }; done
check-layers: $(BUILD)/libmmtool.a
	@scripts/check-layers && scripts/check-lib-pure $<

# With clang: build/fuzz/tests/fuzz/fuzz_NAME, see tests/fuzz/fuzz.h.
fuzz:
	$(MAKE) CC=clang FUZZER=1 SAN=fuzzer-no-link,address,undefined \
		BUILD=build/fuzz fuzz-programs
fuzz-programs: $(FUZZ)

install: all man
	install -d $(ROOT)/bin $(ROOT)/lib/pkgconfig $(ROOT)/include/mmtool \
		$(ROOT)/share/bash-completion/completions
	install -m 755 $(BUILD)/mmtool $(ROOT)/bin/mmtool
	install -m 644 $(BUILD)/libmmtool.a $(ROOT)/lib/libmmtool.a
	for h in $(wildcard lib/*/*.h lib/*/*.def); do \
		install -D -m 644 $$h $(ROOT)/include/mmtool/$${h#lib/} || \
			exit 1; \
	done
	for m in $(MAN); do \
		d=$(ROOT)/share/man/man$${m##*.} && install -d $$d && \
		install -m 644 $$m $$d || exit 1; \
	done
	install -m 644 $(BUILD)/mmtool.bash \
		$(ROOT)/share/bash-completion/completions/mmtool
	install -d $(ROOT)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' scripts/mmtool@.service \
		>$(ROOT)/lib/systemd/system/mmtool@.service
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include/mmtool' \
		'libdir=$${prefix}/lib' '' 'Name: mmtool' \
		'Description: image-text machine learning' \
		'Version: $(VERSION)' 'Requires.private: $(LIBS) $(OPT_LIBS)' \
		'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lmmtool' \
		'Libs.private: -fopenmp -ldl -lm' \
		>$(ROOT)/lib/pkgconfig/mmtool.pc
install-strip: install
	strip $(ROOT)/bin/mmtool
uninstall:
	rm -f $(ROOT)/bin/mmtool $(ROOT)/lib/libmmtool.a \
		$(ROOT)/lib/pkgconfig/mmtool.pc \
		$(ROOT)/share/bash-completion/completions/mmtool \
		$(ROOT)/lib/systemd/system/mmtool@.service \
		$(foreach m,$(MAN),$(ROOT)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
	rm -rf $(ROOT)/include/mmtool
dist:
	@mkdir -p build
	git archive --format=tar.gz --prefix=mmtool-$(VERSION)/ \
		-o build/mmtool-$(VERSION).tar.gz HEAD
# build/mmtool_VERSION_ARCH.deb and libmmtool-dev_...
deb:
	+scripts/deb $(VERSION)
clean:
	rm -rf build

.SECONDARY:
.PHONY: all tests man check check-unit check-cli check-fuzz check-layers clean \
	install install-strip uninstall dist deb bench bench-programs fuzz fuzz-programs
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
