/* Bytes as a source of kind jsonl. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_source("jsonl", data, size);
	return 0;
}
