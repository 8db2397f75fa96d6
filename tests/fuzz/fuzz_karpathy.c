/* Bytes as a source of kind karpathy. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_source("karpathy", data, size);
	return 0;
}
