/* SPDX-License-Identifier: Apache-2.0 */
/* facts.c - see facts.h. */
#include "procview/facts.h"

#include <string.h>

#include "procview/text.h"

void facts_init(struct facts *f)
{
	*f = (struct facts){
		.quota = FACT_UNKNOWN,
		.tasks_limit = FACT_UNKNOWN,
		.memory_limit = FACT_UNKNOWN,
		.memory_usage = FACT_UNKNOWN,
		.swap_limit = FACT_UNKNOWN,
		.swap_usage = FACT_UNKNOWN,
	};
}

size_t facts_cpus(const struct facts *f)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(f->cpus); i++)
		n += (size_t)__builtin_popcountll(f->cpus[i]);
	/* part of a processor is one that is not always there */
	if (f->quota != FACT_UNKNOWN && (f->quota + 999) / 1000 < n)
		n = (size_t)((f->quota + 999) / 1000);
	return n ? n : 1;
}

bool facts_has_cpu(const struct facts *f, uint64_t cpu)
{
	size_t before = 0;
	if (!facts_may_use(f, cpu))
		return false;
	for (uint64_t i = 0; i < cpu; i++)
		before += facts_may_use(f, i);
	return before < facts_cpus(f);
}

uint64_t facts_memory(const struct facts *f, const char *name)
{
	uint64_t v = 0;
	if (f->memory_stat)
		(void)text_find(f->memory_stat, name, ' ', &v);
	return v;
}

bool facts_memory_limited(const struct facts *f, const char *meminfo)
{
	uint64_t total;
	return f->memory_limit != FACT_UNKNOWN && f->memory_usage != FACT_UNKNOWN &&
	       text_find(meminfo, "MemTotal", ':', &total) && f->memory_limit / 1024 < total;
}
