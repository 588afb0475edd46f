/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - see parse.h. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_base(const char *s, int base, uint64_t *ret)
{
	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, base);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	int r = parse_base(s, 10, &v);
	if (r < 0)
		return r;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_octal(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	int r = parse_base(s, 8, &v);
	if (r < 0)
		return r;
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = s[0] == '-';
	uint64_t v;
	int r = parse_base(s + negative, 10, &v);
	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	int64_t i = negative ? (int64_t)(0 - v) : (int64_t)v;
	if (i < min || i > max)
		return -ERANGE;
	*ret = i;
	return 0;
}

/* A decimal number with an optional fraction; *end is left behind it. */
static int parse_decimal(const char *s, const char **end, uint64_t *whole, double *fraction)
{
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	uint64_t v = 0;
	for (; isdigit((unsigned char)*s); s++) {
		unsigned d = (unsigned)(*s - '0');
		if (v > (UINT64_MAX - d) / 10)
			return -ERANGE;
		v = v * 10 + d;
	}
	double f = 0, scale = 0.1;
	if (*s == '.') {
		if (!isdigit((unsigned char)*++s))
			return -EINVAL;
		for (; isdigit((unsigned char)*s); s++, scale /= 10)
			f += (*s - '0') * scale;
	}
	*end = s;
	*whole = v;
	*fraction = f;
	return 0;
}

static int scale_value(uint64_t whole, double fraction, uint64_t unit, uint64_t *ret)
{
	if (whole && unit > UINT64_MAX / whole)
		return -ERANGE;
	uint64_t v = whole * unit;
	uint64_t part = (uint64_t)(fraction * (double)unit + 0.5);
	if (v > UINT64_MAX - part)
		return -ERANGE;
	*ret = v + part;
	return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "bkmgt";
	uint64_t whole;
	double fraction;
	int r = parse_decimal(s, &s, &whole, &fraction);
	if (r < 0)
		return r;
	uint64_t unit = 1;
	if (*s) {
		const char *u = strchr(units, tolower((unsigned char)*s));
		if (!u)
			return -EINVAL;
		unit = (uint64_t)1 << (10 * (u - units));
		s++;
		if (unit > 1 && tolower((unsigned char)*s) == 'i')
			s++;
		if (unit > 1 && tolower((unsigned char)*s) == 'b')
			s++;
		if (*s)
			return -EINVAL;
	}
	if (unit == 1 && fraction > 0)
		return -EINVAL;
	return scale_value(whole, fraction, unit, ret);
}

int parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ms", 1000000 },	 { "us", 1000 },	   { "ns", 1 },
		{ "s", 1000000000 },	 { "m", 60000000000 },	   { "h", 3600000000000 },
		{ "d", 86400000000000 }, { "w", 604800000000000 },
	};
	uint64_t total = 0;
	if (!*s)
		return -EINVAL;
	while (*s) {
		uint64_t whole, ns = 0;
		double fraction;
		int r = parse_decimal(s, &s, &whole, &fraction);
		if (r < 0)
			return r;
		uint64_t unit = 0;
		if (!*s) {
			unit = 1000000000; /* a bare number is seconds */
		} else {
			for (size_t i = 0; i < ARRAY_SIZE(units) && !unit; i++) {
				size_t n = strlen(units[i].name);
				if (!strncmp(s, units[i].name, n) &&
				    !isalpha((unsigned char)s[n])) {
					unit = units[i].ns;
					s += n;
				}
			}
		}
		if (!unit)
			return -EINVAL;
		r = scale_value(whole, fraction, unit, &ns);
		if (r < 0 || total > UINT64_MAX - ns)
			return -ERANGE;
		total += ns;
	}
	*ret_ns = total;
	return 0;
}

bool parse_is_cpulist(const char *s)
{
	if (!*s)
		return false;
	for (;;) {
		if (!isdigit((unsigned char)*s))
			return false;
		unsigned long a = strtoul(s, (char **)&s, 10), b = a;
		if (*s == '-') {
			if (!isdigit((unsigned char)*++s))
				return false;
			b = strtoul(s, (char **)&s, 10);
		}
		if (a > b || b > 65535)
			return false;
		if (!*s)
			return true;
		if (*s++ != ',')
			return false;
	}
}

bool parse_is_name(const char *s, size_t max)
{
	if (!isalnum((unsigned char)s[0]))
		return false;
	size_t n = 0;
	for (; s[n]; n++)
		if (!isalnum((unsigned char)s[n]) && !strchr("_.-", s[n]))
			return false;
	return n <= max;
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return s && !strncmp(s, prefix, strlen(prefix));
}
