/* time_media.c - see time_media.h. */
#include "align/time_media.h"

#include <stdint.h>

#include "base/mem.h"
#include "media/audio.h"
#include "media/correlate.h"
#include "media/speech.h"

enum { BLOCK = 1 << 14 };

/* Speech and what is between differ by this much, or there is none. */
static const double least_range = 6;

static int read_activity(struct mm_speech *s, const char *path,
			 struct mm_audio *audio, struct mm_err *err)
{
	float *mono = mm_malloc(BLOCK, sizeof(*mono));
	size_t got = BLOCK;
	int rc = MM_OK;

	if (!mono)
		return mm_fail_nomem(err, "a block of sound");
	mm_speech_init(s, audio->rate);
	while (!rc && got == BLOCK)
		if (!(rc = mm_audio_read(audio, mono, BLOCK, &got, err)))
			rc = mm_speech_push(s, mono, got, err);
	mm_free(mono);
	if (!rc)
		rc = mm_speech_finish(s, err);
	if (!rc && s->range < least_range)
		rc = mm_fail(err, MM_ERR_REFUSED,
			     "'%s' holds no speech to go by: its level hardly "
			     "changes (%.1f dB)",
			     path, s->range);
	return rc;
}

int mm_sync_media(struct mm_sync *out, const char *path,
		  const struct mm_span *cue, size_t n,
		  const struct mm_sync_options *o, struct mm_err *err)
{
	struct mm_speech speech = { 0 };
	struct mm_audio audio;
	int rc;

	if ((rc = mm_audio_open(&audio, path, err)))
		return rc;
	rc = read_activity(&speech, path, &audio, err);
	if (!rc &&
	    (rc = mm_sync_speech(out, speech.at, speech.n, cue, n, o, err)))
		rc = mm_fail_ctx(err, "'%s' and the cues", path);
	if (!rc)
		out->offset += audio.start;
	mm_speech_release(&speech);
	mm_audio_release(&audio);
	return rc;
}

/* Sound at a rate that both can have; halved while it is very long. */
static int load(struct mm_sound *s, const char *path, double rate,
		double *start, struct mm_err *err)
{
	struct mm_audio audio;
	float *mono = NULL;
	size_t got = BLOCK;
	int rc = mm_audio_open(&audio, path, err);

	if (rc)
		return rc;
	*start = audio.start;
	rc = mm_sound_init(s, audio.rate, rate < audio.rate ? rate : audio.rate,
			   err);
	if (!rc && !(mono = mm_malloc(BLOCK, sizeof(*mono))))
		rc = mm_fail_nomem(err, "a block of sound");
	while (!rc && got == BLOCK)
		if (!(rc = mm_audio_read(&audio, mono, BLOCK, &got, err)))
			rc = mm_sound_push(s, mono, got, err);
	if (!rc)
		rc = mm_sound_finish(s, err);
	mm_free(mono);
	mm_audio_release(&audio);
	return rc;
}

int mm_sync_audio(const char *a, const char *b, double *offset,
		  double *confidence, struct mm_err *err)
{
	struct mm_sound sound[2] = { { 0 }, { 0 } };
	double start[2] = { 0, 0 };
	int rc = load(&sound[0], a, 16000, &start[0], err);

	if (!rc)
		rc = load(&sound[1], b, sound[0].rate, &start[1], err);
	if (!rc)
		rc = mm_sound_match(&sound[0], sound[1].rate, err);
	if (!rc)
		rc = mm_sound_match(&sound[1], sound[0].rate, err);
	if (!rc &&
	    (rc = mm_correlate(&sound[0], &sound[1], offset, confidence, err)))
		rc = mm_fail_ctx(err, "'%s' and '%s'", a, b);
	if (!rc)
		*offset += start[1] - start[0];
	mm_sound_release(&sound[0]);
	mm_sound_release(&sound[1]);
	return rc;
}
