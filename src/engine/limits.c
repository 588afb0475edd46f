/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - a container's limits read back, in the words that `update` takes: contexe_limit(). */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "engine/container.h"
#include "engine/handle.h"

enum how { SIGNED, UNSIGNED, TEXT, CPUS, THROTTLES, HUGEPAGES, UNIFIED };

#define ROW(name, how, member)                                                                     \
	{                                                                                          \
		name, how, offsetof(struct spec_resources, member)                                 \
	}
static const struct {
	const char *name;
	enum how how;
	size_t at;
} rows[] = {
	ROW("memory", SIGNED, memory.limit),
	ROW("memory-swap", SIGNED, memory.swap),
	ROW("memory-reservation", SIGNED, memory.reservation),
	ROW("cpus", CPUS, cpu),
	ROW("cpu-shares", UNSIGNED, cpu.shares),
	ROW("cpu-quota", SIGNED, cpu.quota),
	ROW("cpu-period", UNSIGNED, cpu.period),
	ROW("cpuset-cpus", TEXT, cpu.cpus),
	ROW("cpuset-mems", TEXT, cpu.mems),
	ROW("pids-limit", SIGNED, pids_limit),
	ROW("io-weight", UNSIGNED, block_io.weight),
	ROW("device-read-bps", THROTTLES, block_io.read_bps),
	ROW("device-write-bps", THROTTLES, block_io.write_bps),
	ROW("device-read-iops", THROTTLES, block_io.read_iops),
	ROW("device-write-iops", THROTTLES, block_io.write_iops),
	ROW("hugetlb", HUGEPAGES, hugepages),
	ROW("unified", UNIFIED, unified),
};

static void print_cpus(const struct spec_cpu *cpu, struct buf *out)
{
	if (!cpu->quota.set || cpu->quota.v < 0)
		return;
	uint64_t period = cpu->period.set ? cpu->period.v : 100000;
	buf_printf(out, "%g", (double)cpu->quota.v / (double)period);
}

/* By the name that a device always has, since its own may have changed. */
static void print_throttles(const struct spec_throttles *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s/dev/block/%" PRId64 ":%" PRId64 ":%" PRIu64, i ? "\n" : "",
			   list->v[i].major, list->v[i].minor, list->v[i].rate);
}

static void print_lists(const struct spec_resources *r, enum how how, struct buf *out)
{
	for (size_t i = 0; how == HUGEPAGES && i < r->n_hugepages; i++)
		buf_printf(out, "%s%s:%" PRIu64, i ? "\n" : "", r->hugepages[i].page_size,
			   r->hugepages[i].limit);
	for (size_t i = 0; how == UNIFIED && i < r->unified.n; i++)
		buf_printf(out, "%s%s=%s", i ? "\n" : "", r->unified.v[i].key,
			   r->unified.v[i].value);
}

static void print_limit(const struct spec_resources *r, size_t row, struct buf *out)
{
	const void *at = (const char *)r + rows[row].at;
	const struct opt_i64 *i = at;
	const struct opt_u64 *u = at;
	char *const *text = at;
	switch (rows[row].how) {
	case SIGNED:
		if (i->set)
			buf_printf(out, "%" PRId64, i->v);
		return;
	case UNSIGNED:
		if (u->set)
			buf_printf(out, "%" PRIu64, u->v);
		return;
	case TEXT:
		if (*text)
			buf_puts(out, *text);
		return;
	case CPUS:
		print_cpus(at, out);
		return;
	case THROTTLES:
		print_throttles(at, out);
		return;
	case HUGEPAGES:
	case UNIFIED:
		print_lists(r, rows[row].how, out);
	}
}

int contexe_limit(struct contexe *cx, const char *ref, const char *option, char **ret_text,
		  struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct container *c CLEANUP_CONTAINER = NULL;
	struct spec CLEANUP_SPEC spec = { 0 };
	struct buf out = BUF_INIT;
	size_t row = 0;
	while (row < ARRAY_SIZE(rows) && !str_eq(rows[row].name, option))
		row++;
	if (row == ARRAY_SIZE(rows)) {
		error_set(err, EINVAL, "there is no such limit");
		return error_object(err, "--%s", option);
	}
	int r = container_open(cx->root, ref, &c, err);
	if (r == 0)
		r = container_spec(c, &spec, err);
	if (r < 0)
		return error_what(err, "cannot read the limit");
	print_limit(&spec.linux_.resources, row, &out);
	*ret_text = buf_take(&out);
	return 0;
}
