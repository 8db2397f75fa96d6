/*
 * wav.c - WAVE files.
 *
 *	"RIFF" size32 "WAVE"	"RIFX": big-endian; "RF64": sizes in "ds64"
 *	"fmt " size32 coding16 channels16 rate32 bytes/s32 block16 bits16
 *	       [extra16 valid16 mask32 GUID]	coding 0xfffe: in the GUID
 *	"data" size32 samples		0 or 0xffffffff: to the end (a pipe)
 *
 * Other chunks are skipped; chunks begin at even bytes.  Sources: Microsoft,
 * "Multiple channel audio data and WAVE files"; EBU Tech 3306 (RF64).
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "media/audio.h"

enum { PCM = 1, FLOAT = 3, A_LAW = 6, MU_LAW = 7, EXTENSIBLE = 0xfffe };
enum { MAX_CHANNELS = 1024, MAX_FMT = 1024 };

bool mm_wav_sniff(const void *bytes, size_t n)
{
	const char *s = bytes;

	return n >= 12 && !memcmp(s + 8, "WAVE", 4) &&
	       (!memcmp(s, "RIFF", 4) || !memcmp(s, "RIFX", 4) ||
		!memcmp(s, "RF64", 4));
}

static uint64_t integer(const struct mm_audio *a, const unsigned char *s,
			size_t width)
{
	uint64_t v = 0;

	for (size_t i = 0; i < width; i++)
		v = v << 8 | s[a->big_endian ? i : width - 1 - i];
	return v;
}

static int broken(const struct mm_audio *a, const char *what,
		  struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "'%s' byte %llu: %s", a->in.name,
		       (unsigned long long)a->in.offset, what);
}

static int take(struct mm_audio *a, void *dst, size_t n, struct mm_err *err)
{
	size_t got;
	int rc = mm_reader_read(&a->in, dst, n, &got, err);

	if (!rc && got < n)
		rc = broken(a, "the WAVE file ends in its header", err);
	return rc;
}

static int skip(struct mm_audio *a, uint64_t n, struct mm_err *err)
{
	unsigned char buf[4096];
	int rc = MM_OK;

	while (n && !rc) {
		const size_t k = n < sizeof(buf) ? (size_t)n : sizeof(buf);

		rc = take(a, buf, k, err);
		n -= k;
	}
	return rc;
}

/* Coding and width that can be read. */
static bool known(int coding, size_t bits)
{
	if (coding == PCM)
		return bits == 8 || bits == 16 || bits == 24 || bits == 32;
	if (coding == FLOAT)
		return bits == 32 || bits == 64;
	return (coding == A_LAW || coding == MU_LAW) && bits == 8;
}

static int read_format(struct mm_audio *a, uint64_t size, struct mm_err *err)
{
	unsigned char f[MAX_FMT] = { 0 };
	size_t bits, block;
	int rc;

	if (size < 16 || size > MAX_FMT)
		return broken(a, "a format chunk of a wrong size", err);
	if ((rc = take(a, f, (size_t)(size + size % 2), err)))
		return rc;
	a->coding = (int)integer(a, f, 2);
	a->channels = (size_t)integer(a, f + 2, 2);
	a->rate = (double)integer(a, f + 4, 4);
	block = (size_t)integer(a, f + 12, 2);
	bits = (size_t)integer(a, f + 14, 2);
	if (a->coding == EXTENSIBLE && size >= 40)
		a->coding = (int)integer(a, f + 24, 2);
	if (a->channels < 1 || a->channels > MAX_CHANNELS)
		return broken(a, "no channels, or more than 1024", err);
	if (!(a->rate >= 100 && a->rate <= 1e7))
		return broken(a, "a sample rate outside of 100 to 1e7", err);
	/* 20 bits lie in 3 bytes: the block tells. */
	if (block % a->channels == 0 && block / a->channels * 8 >= bits &&
	    block / a->channels * 8 < bits + 8)
		bits = block / a->channels * 8;
	if (!known(a->coding, bits))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s': WAVE coding %d with %zu bits is not "
			       "known; ffmpeg(1) makes PCM of it",
			       a->in.name, a->coding, bits);
	a->width = bits / 8;
	return MM_OK;
}

int mm_wav_open(struct mm_audio *a, struct mm_err *err)
{
	unsigned char h[12], c[8], ds64[28] = { 0 };
	bool have_format = false, rf64;
	int rc = take(a, h, 12, err);

	if (rc)
		return rc;
	if (!mm_wav_sniff(h, 12))
		return broken(a, "not a WAVE file", err);
	a->big_endian = h[3] == 'X';
	rf64 = h[0] == 'R' && h[1] == 'F';
	while (!(rc = take(a, c, 8, err))) {
		const uint64_t size = integer(a, c + 4, 4);

		if (!memcmp(c, "data", 4)) {
			a->left = size == 0 || size == UINT32_MAX ? UINT64_MAX
								  : size;
			if (rf64 && size == UINT32_MAX)
				a->left = integer(a, ds64 + 8, 8);
			break;
		}
		if (!memcmp(c, "fmt ", 4)) {
			rc = read_format(a, size, err);
			have_format = true;
		} else if (!memcmp(c, "ds64", 4) && size >= sizeof(ds64)) {
			if (!(rc = take(a, ds64, sizeof(ds64), err)))
				rc = skip(a, size - sizeof(ds64) + size % 2,
					  err);
		} else {
			rc = skip(a, size + size % 2, err);
		}
		if (rc)
			return rc;
	}
	if (rc)
		return rc;
	return have_format ? MM_OK
			   : broken(a, "samples before the format", err);
}

/* ---- samples ---- */

/* ITU-T G.711. */
static float a_law(unsigned char v)
{
	int e, m;

	v ^= 0x55;
	e = v >> 4 & 7;
	m = (v & 15) * 16 + 8;
	if (e)
		m = (m + 256) << (e - 1);
	return (float)(v & 0x80 ? m : -m) / 32768.0f;
}

static float mu_law(unsigned char v)
{
	int m;

	v = (unsigned char)~v;
	m = (((v & 15) * 8 + 0x84) << (v >> 4 & 7)) - 0x84;
	return (float)(v & 0x80 ? -m : m) / 32768.0f;
}

static float one(const struct mm_audio *a, const unsigned char *s)
{
	const uint64_t v = integer(a, s, a->width);
	const uint32_t v32 = (uint32_t)v;
	int32_t i;
	double d;
	float f;

	if (a->coding == A_LAW)
		return a_law(*s);
	if (a->coding == MU_LAW)
		return mu_law(*s);
	if (a->coding == FLOAT && a->width == 4) {
		memcpy(&f, &v32, 4);
		return isfinite(f) ? f : 0;
	}
	if (a->coding == FLOAT) {
		memcpy(&d, &v, 8);
		return isfinite(d) && fabs(d) < 1e30 ? (float)d : 0;
	}
	if (a->width == 1)
		return (float)(*s - 128) / 128.0f;
	i = (int32_t)(v32 << (32 - 8 * a->width));
	return (float)((double)i / 2147483648.0);
}

int mm_wav_read(struct mm_audio *a, float *mono, size_t n, size_t *got,
		struct mm_err *err)
{
	const size_t frame = a->width * a->channels;
	size_t want = n * frame, bytes;
	int rc;

	*got = 0;
	if (a->left != UINT64_MAX && want > a->left - a->left % frame)
		want = (size_t)(a->left - a->left % frame);
	if (want > a->raw_cap) {
		mm_free(a->raw);
		a->raw_cap = 0;
		if (!(a->raw = mm_malloc(want, 1)))
			return mm_fail_nomem(err, "a block of sound");
		a->raw_cap = want;
	}
	if ((rc = mm_reader_read(&a->in, a->raw, want, &bytes, err)))
		return rc;
	if (bytes < want && a->left != UINT64_MAX)
		return broken(a, "the samples end before they should", err);
	if (a->left != UINT64_MAX)
		a->left -= bytes;
	*got = bytes / frame;
	for (size_t i = 0; i < *got; i++) {
		const unsigned char *s = a->raw + i * frame;
		double sum = 0;

		for (size_t c = 0; c < a->channels; c++)
			sum += one(a, s + c * a->width);
		mono[i] = (float)(sum / (double)a->channels);
	}
	return MM_OK;
}
