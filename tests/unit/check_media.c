/* Sound: the transform, WAVE files, speech activity, correlation. */
#include "unit.h"

#include <math.h>
#include <stdint.h>

#include "align/time_sync.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "media/audio.h"
#include "media/correlate.h"
#include "media/fft.h"
#include "media/speech.h"

static const double pi = 3.14159265358979323846;

static struct mm_rng seeded(uint64_t seed)
{
	struct mm_rng r;

	mm_rng_init(&r, seed, 0, 0, MM_RNG_SAMPLE);
	return r;
}

/* ---- fft ---- */

START_TEST(fft)
{
	const size_t n = (size_t)4 << _i;
	double x[1026], y[1026];
	struct mm_rng r = seeded(n);
	struct mm_fft f;

	for (size_t i = 0; i < n; i++)
		x[i] = y[i] = mm_rng_normal(&r);
	ck_ok(mm_fft_init(&f, n, err));
	mm_fft_forward(&f, y);
	for (size_t k = 0; k <= n / 2; k++) {
		double re = 0, im = 0;

		for (size_t t = 0; t < n; t++) {
			const double a =
				-2 * pi * (double)(k * t % n) / (double)n;

			re += x[t] * cos(a);
			im += x[t] * sin(a);
		}
		ck_assert_double_eq_tol(y[2 * k], re, 1e-10);
		ck_assert_double_eq_tol(y[2 * k + 1], im, 1e-10);
	}
	mm_fft_inverse(&f, y);
	for (size_t t = 0; t < n; t++)
		ck_assert_double_eq_tol(y[t], x[t], 1e-12);
	mm_fft_release(&f);
}
END_TEST

START_TEST(fft_sizes)
{
	ck_assert_uint_eq(mm_fft_size(0), 4);
	ck_assert_uint_eq(mm_fft_size(5), 8);
	ck_assert_uint_eq(mm_fft_size(1 << 20), 1 << 20);
	ck_assert_uint_eq(mm_fft_size(SIZE_MAX), 0);
}
END_TEST

/* ---- WAVE files ---- */

struct wav {
	const char *name;
	int coding, bits;
	bool big, extensible, rf64, to_end;
	double tolerance;
};

static const struct wav wavs[] = {
	{ "pcm8", 1, 8, .tolerance = 2.0 / 128 },
	{ "pcm16", 1, 16, .tolerance = 2.0 / 32768 },
	{ "pcm24", 1, 24, .tolerance = 1e-6 },
	{ "pcm32", 1, 32, .tolerance = 1e-7 },
	{ "float", 3, 32, .tolerance = 1e-7 },
	{ "double", 3, 64, .tolerance = 1e-7 },
	{ "a-law", 6, 8, .tolerance = 0.03 },
	{ "mu-law", 7, 8, .tolerance = 0.03 },
	{ "rifx", 1, 16, .big = true, .tolerance = 2.0 / 32768 },
	{ "extensible", 1, 24, .extensible = true, .tolerance = 1e-6 },
	{ "ext-float", 3, 32, .extensible = true, .tolerance = 1e-7 },
	{ "rf64", 1, 16, .rf64 = true, .tolerance = 2.0 / 32768 },
	{ "pipe", 1, 16, .to_end = true, .tolerance = 2.0 / 32768 },
};

static void put(struct mm_buf *b, uint64_t v, int bytes, bool big)
{
	for (int i = 0; i < bytes; i++) {
		const int shift = 8 * (big ? bytes - 1 - i : i);

		mm_buf_addc(b, (char)(shift < 64 ? v >> shift : 0));
	}
}

/* G.711 by search: the code whose value is nearest. */
static uint64_t law(int coding, double x)
{
	double best = 9;
	uint64_t code = 0;

	for (unsigned v = 0; v < 256; v++) {
		const unsigned u = coding == 6 ? v ^ 0x55 : v ^ 0xff;
		const unsigned e = u >> 4 & 7, m = u & 15;
		double y = coding == 6 ? (e ? (double)((m * 2 + 33) << (e - 1))
					    : m * 2 + 1) *
						 8
				       : (double)((m * 2 + 33) << e) * 4 - 132;

		y /= 32768;
		if (coding == 6 ? !(u & 0x80) : u & 0x80)
			y = -y;
		if (fabs(y - x) < best) {
			best = fabs(y - x);
			code = v;
		}
	}
	return code;
}

static void put_sample(struct mm_buf *b, const struct wav *w, double x)
{
	const float f = (float)x;
	uint64_t v = 0;

	if (w->coding == 3 && w->bits == 32)
		memcpy(&v, &f, 4);
	else if (w->coding == 3)
		memcpy(&v, &x, 8);
	else if (w->coding != 1)
		v = law(w->coding, x);
	else if (w->bits == 8)
		v = (uint64_t)(int64_t)lrint(x * 127 + 128);
	else
		v = (uint64_t)(int64_t)llrint(x * (ldexp(1, w->bits - 1) - 1));
	put(b, v, w->bits / 8, w->big);
}

enum { FRAMES = 1000, CHANNELS = 3 };

static double wave_at(size_t i, size_t c)
{
	return 0.9 * sin((double)i * 0.05 * (double)(c + 1));
}

static void make_wav(struct mm_buf *b, const struct wav *w)
{
	const uint32_t fmt = w->extensible ? 40 : 16;
	const uint32_t size = FRAMES * CHANNELS * (uint32_t)w->bits / 8;

	mm_buf_adds(b, w->rf64 ? "RF64" : w->big ? "RIFX" : "RIFF");
	put(b, w->rf64 ? UINT32_MAX : 0, 4, w->big);
	mm_buf_adds(b, "WAVE");
	if (w->rf64) {
		mm_buf_adds(b, "ds64");
		put(b, 28, 4, false);
		put(b, 0, 8, false);
		put(b, size, 8, false);
		put(b, FRAMES, 8, false);
		put(b, 0, 4, false);
	}
	mm_buf_adds(b, "LIST");
	put(b, 3, 4, w->big);
	mm_buf_add(b, "odd\0", 4);
	mm_buf_adds(b, "fmt ");
	put(b, fmt, 4, w->big);
	put(b, w->extensible ? 0xfffe : (uint64_t)w->coding, 2, w->big);
	put(b, CHANNELS, 2, w->big);
	put(b, 22050, 4, w->big);
	put(b, 0, 4, w->big);
	put(b, (uint64_t)(CHANNELS * w->bits / 8), 2, w->big);
	put(b, (uint64_t)w->bits, 2, w->big);
	if (w->extensible) {
		put(b, 22, 2, false);
		put(b, 0, 6, false);
		put(b, (uint64_t)w->coding, 2, false);
		put(b, 0, 14, false);
	}
	mm_buf_adds(b, "data");
	put(b, w->rf64 || w->to_end ? UINT32_MAX : size, 4, w->big);
	for (size_t i = 0; i < FRAMES; i++)
		for (size_t c = 0; c < CHANNELS; c++)
			put_sample(b, w, wave_at(i, c));
}

START_TEST(wav)
{
	const struct wav *w = &wavs[_i];
	struct mm_buf b = { 0 };
	float mono[FRAMES + 10];
	struct mm_audio a;
	size_t n, more;

	scratch_begin();
	make_wav(&b, w);
	file_put(scratch("a.wav"), b.data, b.len);
	ck_ok(mm_audio_open(&a, scratch("a.wav"), err));
	ck_assert_double_eq(a.rate, 22050);
	ck_assert_uint_eq(a.channels, CHANNELS);
	ck_ok(mm_audio_read(&a, mono, 400, &n, err));
	ck_assert_uint_eq(n, 400);
	ck_ok(mm_audio_read(&a, mono + 400, FRAMES, &more, err));
	ck_assert_uint_eq(more, FRAMES - 400);
	for (size_t i = 0; i < FRAMES; i++) {
		double want = 0;

		for (size_t c = 0; c < CHANNELS; c++)
			want += wave_at(i, c) / CHANNELS;
		ck_assert_double_eq_tol(mono[i], want, w->tolerance);
	}
	mm_audio_release(&a);
	mm_buf_release(&b);
	scratch_end();
}
END_TEST

START_TEST(wav_bad)
{
	static const struct {
		size_t at;
		unsigned char byte;
		const char *says;
	} broken[] = {
		{ 24 + 8, 9, "WAVE coding 9" },
		{ 24 + 10, 0, "no channels" },
		{ 24 + 14, 0xff, "sample rate" },
		{ 24 + 4, 3, "format chunk of a wrong size" },
		{ 24, 'g', "samples before the format" },
		{ 24 + 22, 17, "with 17 bits" },
	};
	struct mm_buf b = { 0 };
	struct mm_audio a;

	scratch_begin();
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		mm_buf_clear(&b);
		make_wav(&b, &wavs[1]);
		ck_assert_mem_eq(b.data + 24, "fmt ", 4);
		b.data[broken[i].at] = (char)broken[i].byte;
		file_put(scratch("a.wav"), b.data, b.len);
		ck_fails(mm_audio_open(&a, scratch("a.wav"), err),
			 MM_ERR_FORMAT, broken[i].says);
	}
	mm_buf_release(&b);
	scratch_end();
}
END_TEST

/* ---- speech ---- */

/* Noise that is loud from each start to each end. */
static float *bursts(const struct mm_span *on, size_t n_on, size_t n,
		     double rate)
{
	float *x = mm_malloc(n, sizeof(*x));
	struct mm_rng r = seeded(7);

	for (size_t i = 0; i < n; i++) {
		const double t = (double)i / rate;
		double level = 0.002;

		for (size_t k = 0; k < n_on; k++)
			if (t >= on[k].start && t < on[k].end)
				level = 0.2;
		x[i] = (float)(level * mm_rng_normal(&r));
	}
	return x;
}

static const struct mm_span talk[] = {
	{ 0.5, 2.1 },  { 2.3, 3.0 },   { 4.1, 5.2 },   { 7.0, 8.6 },
	{ 9.4, 10.1 }, { 11.5, 14.0 }, { 15.2, 15.9 }, { 17.0, 19.1 },
};
enum { N_TALK = 8, SECONDS = 21 };

static struct mm_speech activity(double rate)
{
	const size_t n = (size_t)(SECONDS * rate);
	float *x = bursts(talk, N_TALK, n, rate);
	struct mm_speech s;

	mm_speech_init(&s, rate);
	/* In two parts, cut at an odd place. */
	ck_ok(mm_speech_push(&s, x, 12345, err));
	ck_ok(mm_speech_push(&s, x + 12345, n - 12345, err));
	ck_ok(mm_speech_finish(&s, err));
	mm_free(x);
	return s;
}

START_TEST(speech)
{
	static const double rates[] = { 8000, 16000, 44100 };
	struct mm_speech s = activity(rates[_i]);

	ck_assert_uint_ge(s.n, SECONDS * 100 - 1);
	ck_assert_uint_le(s.n, SECONDS * 100);
	ck_assert_double_gt(s.range, 30);
	for (size_t i = 0; i < s.n; i++) {
		const double t = ((double)i + 0.5) / 100;
		bool near = false, on = t > 2 && t < 2.4; /* a short pause */

		for (size_t k = 0; k < N_TALK; k++) {
			on |= t >= talk[k].start && t < talk[k].end;
			near |= fabs(t - talk[k].start) < 0.05 ||
				fabs(t - talk[k].end) < 0.05;
		}
		if (!near)
			ck_assert_double_eq_tol(s.at[i], on, 1e-6);
	}
	mm_speech_release(&s);
}
END_TEST

START_TEST(sync)
{
	static const double cases[][2] = {
		{ 0, 1 },   { 1.5, 1 },		{ -2, 1 },	   { 20, 1 },
		{ -55, 1 }, { 0.4, 25.0 / 24 }, { -3, 24.0 / 25 },
	};
	const struct mm_sync_options o = { .max_offset = 60 };
	struct mm_speech s = activity(16000);
	struct mm_span cue[N_TALK];
	struct mm_sync got;

	/* cue * drift + offset = talk */
	for (size_t i = 0; i < N_TALK; i++) {
		cue[N_TALK - 1 - i].start =
			(talk[i].start - cases[_i][0]) / cases[_i][1];
		cue[N_TALK - 1 - i].end =
			(talk[i].end - cases[_i][0]) / cases[_i][1];
	}
	ck_ok(mm_sync_speech(&got, s.at, s.n, cue, N_TALK, &o, err));
	ck_assert_double_eq_tol(got.offset, cases[_i][0], 0.05);
	ck_assert_double_eq_tol(got.drift, cases[_i][1], 1e-9);
	ck_assert_double_gt(got.confidence, 5);
	mm_speech_release(&s);
}
END_TEST

START_TEST(sync_unrelated)
{
	const struct mm_sync_options o = { .max_offset = 60 };
	struct mm_speech s = activity(16000);
	struct mm_sync got;
	double most = 0;

	for (uint64_t k = 0; k < 20; k++) {
		struct mm_rng r = seeded(100 + k);
		struct mm_span cue[N_TALK];
		double t = 0;

		for (size_t i = 0; i < N_TALK; i++) {
			t += 0.2 + 2 * mm_rng_uniform(&r);
			cue[i].start = t;
			t += 0.6 + 2 * mm_rng_uniform(&r);
			cue[i].end = t;
		}
		ck_ok(mm_sync_speech(&got, s.at, s.n, cue, N_TALK, &o, err));
		most = fmax(most, got.confidence);
	}
	ck_assert_double_lt(most, 4);
	mm_speech_release(&s);
}
END_TEST

START_TEST(sync_refuses)
{
	const struct mm_sync_options o = { .max_offset = 60 };
	struct mm_speech s = activity(16000);
	const struct mm_span point = { 1, 1 };
	struct mm_sync got;

	ck_fails(mm_sync_speech(&got, s.at, s.n, &point, 1, &o, err),
		 MM_ERR_REFUSED, "no cue lasts");
	ck_fails(mm_sync_speech(&got, s.at, 100, talk, N_TALK, &o, err),
		 MM_ERR_REFUSED, "shorter than two seconds");
	memset(s.at, 0, s.n * sizeof(*s.at));
	ck_fails(mm_sync_speech(&got, s.at, s.n, talk, N_TALK, &o, err),
		 MM_ERR_REFUSED, "do not take turns");
	mm_speech_release(&s);
}
END_TEST

/* ---- correlation ---- */

/* 2.048 s of noise below 3500 Hz, turned by `shift` seconds; rate * 2.048 is a
 * power of two. */
static struct mm_sound hiss(double rate, double shift, double noise,
			    uint64_t seed)
{
	const size_t n = (size_t)(rate * 2.048);
	double *y = mm_calloc(n + 2, sizeof(*y));
	float *x = mm_malloc(n, sizeof(*x));
	struct mm_rng r = seeded(1), other = seeded(seed);
	struct mm_sound s;
	struct mm_fft f;

	for (size_t k = 1; k < 3500 * 2.048; k++) {
		const double size = mm_rng_normal(&r) * (double)n / 300;
		const double turn = 2 * pi * mm_rng_uniform(&r) -
				    2 * pi * (double)k / 2.048 * shift;

		y[2 * k] = size * cos(turn);
		y[2 * k + 1] = size * sin(turn);
	}
	ck_ok(mm_fft_init(&f, n, err));
	mm_fft_inverse(&f, y);
	mm_fft_release(&f);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(y[i] + noise * mm_rng_normal(&other));
	ck_ok(mm_sound_init(&s, rate, rate < 16000 ? rate : 16000, err));
	ck_ok(mm_sound_push(&s, x, n / 3, err));
	ck_ok(mm_sound_push(&s, x + n / 3, n - n / 3, err));
	ck_ok(mm_sound_finish(&s, err));
	ck_assert_uint_ge(s.n, (size_t)(s.rate * 2.048) - 1);
	mm_free(x);
	mm_free(y);
	return s;
}

START_TEST(correlation)
{
	static const struct {
		double rate, shift, noise, tolerance;
	} cases[] = {
		{ 16000, 0, 0, 1e-6 },		{ 16000, 0.0625123, 0, 2e-6 },
		{ 16000, -0.7312, 0.05, 2e-5 }, { 32000, 0.25001, 0, 2e-6 },
		{ 8000, 0.11111, 0, 2e-6 },	{ 16000, 0.3, 1.5, 1e-4 },
	};
	struct mm_sound a = hiss(16000, 0, 0, 2);
	struct mm_sound b =
		hiss(cases[_i].rate, cases[_i].shift, cases[_i].noise, 3);
	double offset, sure;

	ck_ok(mm_sound_match(&a, b.rate, err));
	ck_ok(mm_correlate(&a, &b, &offset, &sure, err));
	ck_assert_double_eq_tol(offset, cases[_i].shift, cases[_i].tolerance);
	ck_assert_double_gt(sure, 10);
	ck_ok(mm_correlate(&b, &a, &offset, &sure, err));
	ck_assert_double_eq_tol(offset, -cases[_i].shift, cases[_i].tolerance);
	mm_sound_release(&a);
	mm_sound_release(&b);
}
END_TEST

START_TEST(correlation_refuses)
{
	struct mm_sound a = hiss(16000, 0, 0, 2);
	struct mm_sound b = hiss(16000, 0, 1, 3);
	struct mm_rng r = seeded(5);
	double offset, sure;

	for (size_t i = 0; i < b.n; i++)
		b.at[i] = (float)mm_rng_normal(&r);
	ck_ok(mm_correlate(&a, &b, &offset, &sure, err));
	ck_assert_double_lt(sure, 8);
	memset(b.at, 0, b.n * sizeof(*b.at));
	ck_fails(mm_correlate(&a, &b, &offset, &sure, err), MM_ERR_REFUSED,
		 "silent");
	b.n = 10;
	ck_fails(mm_correlate(&a, &b, &offset, &sure, err), MM_ERR_REFUSED,
		 "0.1 s");
	mm_sound_release(&a);
	mm_sound_release(&b);
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	TCase *tc = tcase_create("media");

	tcase_add_loop_test(tc, fft, 0, 9);
	tcase_add_test(tc, fft_sizes);
	tcase_add_loop_test(tc, wav, 0, N(wavs));
	tcase_add_test(tc, wav_bad);
	tcase_add_loop_test(tc, speech, 0, 3);
	tcase_add_loop_test(tc, sync, 0, 7);
	tcase_add_test(tc, sync_unrelated);
	tcase_add_test(tc, sync_refuses);
	tcase_add_loop_test(tc, correlation, 0, 6);
	tcase_add_test(tc, correlation_refuses);
	return unit_run("media", tc);
}
