/* Bytes as a WAVE file, from a pipe where they fit into one. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "media/audio.h"
#include "media/speech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	float mono[512];
	struct mm_speech s;
	struct mm_audio a;
	struct mm_err err = { 0 };
	size_t n = 512;
	int rc;

	if (!mm_wav_sniff(data, size) || size > FUZZ_PIPE_MAX)
		return 0;
	fuzz_stdin(data, size);
	rc = mm_audio_open(&a, "-", &err);
	fuzz_status(rc, &err);
	if (rc)
		return 0;
	mm_speech_init(&s, a.rate);
	while (!rc && n == 512) {
		rc = mm_audio_read(&a, mono, 512, &n, &err);
		for (size_t i = 0; !rc && i < n; i++)
			FUZZ_ASSERT(isfinite(mono[i]));
		if (!rc)
			rc = mm_speech_push(&s, mono, n, &err);
	}
	fuzz_status(rc, &err);
	FUZZ_ASSERT(!mm_speech_finish(&s, &err));
	mm_speech_release(&s);
	mm_audio_release(&a);
	return 0;
}
