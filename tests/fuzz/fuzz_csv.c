/* Bytes as a source of kind csv. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_source("csv", data, size);
	return 0;
}
