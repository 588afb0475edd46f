/* SPDX-License-Identifier: Apache-2.0 */
/* convert.c - see convert.h. */
#include "container/cgroup/convert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int put(char *ret, int64_t n)
{
	(void)snprintf(ret, CONVERT_SIZE, "%" PRId64, n);
	return 0;
}

int convert_plain(int64_t n, char *ret)
{
	return n < 0 ? -ERANGE : put(ret, n);
}

int convert_signed(int64_t n, char *ret)
{
	return put(ret, n);
}

int convert_bytes_v1(int64_t n, char *ret)
{
	return n < -1 ? -ERANGE : put(ret, n);
}

int convert_or_max(int64_t n, char *ret)
{
	if (n != -1)
		return convert_plain(n, ret);
	strcpy(ret, "max");
	return 0;
}

int convert_pids(int64_t n, char *ret)
{
	return convert_or_max(n <= 0 ? -1 : n, ret);
}

/* log2 of a number >= 1, to 2^-52, without the maths library: square and halve. */
static double log2_of(uint64_t n)
{
	int whole = 63 - __builtin_clzll(n);
	double x = (double)n / (double)(1ull << whole), result = whole;
	for (double bit = 0.5; bit > 1e-16; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

/* 10 to the power of x, 0 <= x <= 4: whole powers are exact, the rest is the series of e^(f ln 10). */
static double power_of_ten(double x)
{
	static const double powers[] = { 1, 10, 100, 1000, 10000 };
	int whole = (int)x;
	double f = (x - whole) * 2.302585092994045684, term = 1, sum = 1;
	for (int i = 1; i < 30; i++) {
		term *= f / i;
		sum += term;
	}
	return powers[whole] * sum;
}

/*
 * The curve that the runtimes of OCI agreed on in 2025: a parabola of logarithms through the ends and
 * the defaults (2 -> 1, 1024 -> 100, 262144 -> 10000), where the straight line used before made
 * containers with the default shares weigh 39 against processes outside with 100.
 */
int convert_cpu_weight(int64_t shares, char *ret)
{
	if (shares < 0)
		return -ERANGE;
	uint64_t s = shares < 2 ? 2 : shares > 262144 ? 262144 : (uint64_t)shares;
	double l = log2_of(s);
	double weight = power_of_ten((l * l + 125 * l - 126) / 612);
	int64_t whole = (int64_t)weight;
	return put(ret, weight - (double)whole > 1e-9 * weight ? whole + 1 : whole);
}

int convert_blkio_weight(int64_t n, char *ret)
{
	return n < 10 || n > 1000 ? -ERANGE : put(ret, n);
}

int convert_io_weight(int64_t n, char *ret)
{
	return n < 10 || n > 1000 ? -ERANGE : put(ret, 1 + (n - 10) * 9999 / 990);
}

int convert_swap(int64_t total, int64_t limit, char *ret)
{
	if (total == -1)
		return convert_or_max(-1, ret);
	if (total < 0 || limit < 0 || total < limit)
		return -EINVAL;
	return put(ret, total - limit);
}

#define MAX_CPUS 8192
struct cpuset {
	uint64_t bits[MAX_CPUS / 64];
};

static bool cpulist_read(const char *list, struct cpuset *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (const char *p = list; *p && *p != '\n';) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;
		if (end == p)
			return false;
		if (*end == '-') {
			p = end + 1;
			last = strtoul(p, &end, 10);
			if (end == p)
				return false;
		}
		if (first > last || last >= MAX_CPUS)
			return false;
		for (unsigned long i = first; i <= last; i++)
			ret->bits[i / 64] |= 1ull << (i % 64);
		if (*end == ',')
			end++;
		else if (*end && *end != '\n')
			return false;
		p = end;
	}
	return true;
}

bool cpulist_is_subset(const char *list, const char *of)
{
	struct cpuset a, b;
	if (!cpulist_read(list, &a) || !cpulist_read(of, &b))
		return false;
	for (size_t i = 0; i < MAX_CPUS / 64; i++)
		if (a.bits[i] & ~b.bits[i])
			return false;
	return true;
}
