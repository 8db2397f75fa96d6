/* metric.c - the metrics table (metric.h). */
#include <string.h>

#include "metric/metric.h"

const struct mm_metric *const mm_metrics[] = {
#define MM_METRIC(name) &mm_metric_##name,
#include "metric/metrics.def"
#undef MM_METRIC
	NULL,
};

const struct mm_metric *mm_metric_find(const char *task, const char *name)
{
	for (size_t i = 0; mm_metrics[i]; i++)
		if (!strcmp(mm_metrics[i]->task, task) &&
		    !strcmp(mm_metrics[i]->name, name))
			return mm_metrics[i];
	return NULL;
}

size_t mm_metric_n_figures(const struct mm_metric *m)
{
	size_t n = 0;

	while (m->figure[n])
		n++;
	return n;
}
