/* Bytes as a source of kind webdataset. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_source("webdataset", data, size);
	return 0;
}
