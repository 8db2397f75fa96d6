/* Bytes as a source of kind tsv. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_source("tsv", data, size);
	return 0;
}
