/* Bytes as an .onnx file for the reader that the tests of export trust. */
#include "fuzz.h"

#include "../unit/onnx_read.h"

static void touch(struct or_span s)
{
	if (s.p)
		fuzz_touch(s.p, s.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct or_model m;

	or_read(&m, data, size);
	FUZZ_ASSERT(!m.bad || *m.bad);
	for (int i = 0; i < m.n_nodes; i++) {
		touch(m.node[i].type);
		for (int k = 0; k < m.node[i].n_in; k++)
			touch(m.node[i].in[k]);
	}
	for (int i = 0; i < m.n_tensors; i++) {
		touch(m.tensor[i].name);
		touch(m.tensor[i].raw);
	}
	return 0;
}
