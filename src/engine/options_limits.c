/* SPDX-License-Identifier: Apache-2.0 */
/* options_limits.c - setters: what the control groups bound. Also what `update` takes. See options.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/parse.h"
#include "engine/options.h"

#define RES(s)	      (&(s)->spec.linux_.resources)
#define KEEP(s, text) arena_strdup(&(s)->spec.arena, (text))

static int size_or_unlimited(const char *value, struct opt_i64 *ret, struct error *err)
{
	uint64_t n;
	if (str_eq(value, "-1") || str_eq(value, "unlimited") || str_eq(value, "max")) {
		*ret = (struct opt_i64){ true, -1 };
		return 0;
	}
	if (parse_size(value, &n) < 0 || n > INT64_MAX) {
		error_set(err, EINVAL, "not a size");
		return error_hint(
			err, "a number of bytes, or with a suffix: 512m, 1.5g; -1 for no limit");
	}
	*ret = (struct opt_i64){ true, (int64_t)n };
	return 0;
}

int opt_memory(struct contexe_spec *s, const char *value, struct error *err)
{
	struct opt_i64 v;
	int r = size_or_unlimited(value, &v, err);
	if (r == 0 && v.v >= 0 && v.v < (256 << 10)) {
		error_set(err, EINVAL, "too little memory to start anything in");
		r = error_hint(err, "at least 256k; a small shell needs some 2m");
	}
	if (r == 0)
		RES(s)->memory.limit = v;
	return r;
}

int opt_memory_swap(struct contexe_spec *s, const char *value, struct error *err)
{
	return size_or_unlimited(value, &RES(s)->memory.swap, err);
}

int opt_memory_reservation(struct contexe_spec *s, const char *value, struct error *err)
{
	return size_or_unlimited(value, &RES(s)->memory.reservation, err);
}

int opt_cpus(struct contexe_spec *s, const char *value, struct error *err)
{
	char *end;
	double n = strtod(value, &end);
	if (!isdigit((unsigned char)value[0]) || *end || !(n >= 0.01) || n > 8192) {
		error_set(err, EINVAL, "not a number of processors");
		return error_hint(err, "0.01 or more: 0.5 is half of one");
	}
	RES(s)->cpu.period = (struct opt_u64){ true, 100000 };
	RES(s)->cpu.quota = (struct opt_i64){ true, (int64_t)(n * 100000 + 0.5) };
	return 0;
}

static int number(const char *value, uint64_t min, uint64_t max, struct opt_u64 *ret,
		  struct error *err)
{
	uint64_t n;
	if (parse_u64(value, min, max, &n) < 0)
		return error_set(err, EINVAL, "not a number from %lu to %lu", (unsigned long)min,
				 (unsigned long)max);
	*ret = (struct opt_u64){ true, n };
	return 0;
}

int opt_cpu_shares(struct contexe_spec *s, const char *value, struct error *err)
{
	return number(value, 2, 262144, &RES(s)->cpu.shares, err);
}

int opt_cpu_period(struct contexe_spec *s, const char *value, struct error *err)
{
	return number(value, 1000, 1000000, &RES(s)->cpu.period, err);
}

int opt_cpu_quota(struct contexe_spec *s, const char *value, struct error *err)
{
	int64_t n;
	if (parse_i64(value, -1, INT64_MAX, &n) < 0 || (n >= 0 && n < 1000))
		return error_set(err, EINVAL, "not a number of microseconds from 1000 on, or -1");
	RES(s)->cpu.quota = (struct opt_i64){ true, n };
	return 0;
}

static int cpulist(struct contexe_spec *s, const char *value, char **ret, struct error *err)
{
	if (!parse_is_cpulist(value)) {
		error_set(err, EINVAL, "not a list of numbers and ranges");
		return error_hint(err, "like 0-3,5");
	}
	*ret = KEEP(s, value);
	return 0;
}

int opt_cpuset_cpus(struct contexe_spec *s, const char *value, struct error *err)
{
	return cpulist(s, value, &RES(s)->cpu.cpus, err);
}

int opt_cpuset_mems(struct contexe_spec *s, const char *value, struct error *err)
{
	return cpulist(s, value, &RES(s)->cpu.mems, err);
}

int opt_pids_limit(struct contexe_spec *s, const char *value, struct error *err)
{
	int64_t n;
	if (parse_i64(value, -1, 1 << 22, &n) < 0 || n == 0)
		return error_set(err, EINVAL, "not a number from 1 to 4194304, or -1");
	RES(s)->pids_limit = (struct opt_i64){ true, n };
	return 0;
}

int opt_io_weight(struct contexe_spec *s, const char *value, struct error *err)
{
	return number(value, 10, 1000, &RES(s)->block_io.weight, err);
}

/* DEVICE:RATE, the device as a path or as MAJOR:MINOR */
static int throttle(struct contexe_spec *s, const char *value, bool bytes,
		    struct spec_throttles *list, struct error *err)
{
	char *device = KEEP(s, value), *rate = strrchr(device, ':');
	struct stat st;
	uint64_t n;
	if (!rate || rate == device)
		return error_set(err, EINVAL, "not of the form DEVICE:RATE");
	*rate++ = '\0';
	if ((bytes ? parse_size(rate, &n) : parse_u64(rate, 1, UINT64_MAX, &n)) < 0)
		return error_set(err, EINVAL, "'%s' is not a rate", rate);
	if (stat(device, &st) < 0) {
		error_sys(err, errno, "cannot find the device");
		return error_object(err, "%s", device);
	}
	if (!S_ISBLK(st.st_mode)) {
		error_set(err, ENOTBLK, "it is no disk");
		return error_object(err, "%s", device);
	}
	*arena_push(&s->spec.arena, list->v, list->n) =
		(struct spec_throttle){ major(st.st_rdev), minor(st.st_rdev), n };
	return 0;
}

int opt_read_bps(struct contexe_spec *s, const char *value, struct error *err)
{
	return throttle(s, value, true, &RES(s)->block_io.read_bps, err);
}

int opt_write_bps(struct contexe_spec *s, const char *value, struct error *err)
{
	return throttle(s, value, true, &RES(s)->block_io.write_bps, err);
}

int opt_read_iops(struct contexe_spec *s, const char *value, struct error *err)
{
	return throttle(s, value, false, &RES(s)->block_io.read_iops, err);
}

int opt_write_iops(struct contexe_spec *s, const char *value, struct error *err)
{
	return throttle(s, value, false, &RES(s)->block_io.write_iops, err);
}

int opt_hugetlb(struct contexe_spec *s, const char *value, struct error *err)
{
	char *size = KEEP(s, value), *limit = strchr(size, ':');
	uint64_t n;
	if (!limit || limit == size)
		return error_set(err, EINVAL, "not of the form PAGESIZE:LIMIT");
	*limit++ = '\0';
	if (parse_size(limit, &n) < 0)
		return error_set(err, EINVAL, "'%s' is not a size", limit);
	struct spec_hugepage *h =
		arena_push(&s->spec.arena, RES(s)->hugepages, RES(s)->n_hugepages);
	*h = (struct spec_hugepage){ .page_size = size, .limit = n };
	return 0;
}

int opt_unified(struct contexe_spec *s, const char *value, struct error *err)
{
	const char *eq = strchr(value, '=');
	if (!eq || eq == value || memchr(value, '/', (size_t)(eq - value)))
		return error_set(err, EINVAL,
				 "not of the form FILE=VALUE, like memory.high=268435456");
	pairs_set(&s->spec.arena, &RES(s)->unified,
		  arena_strndup(&s->spec.arena, value, (size_t)(eq - value)), eq + 1);
	return 0;
}
