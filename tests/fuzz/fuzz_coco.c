/* Bytes as a source of kind coco. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_source("coco", data, size);
	return 0;
}
