/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.c - see timestamp.h. */
#include "base/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/parse.h"

#define NS 1000000000ULL

static uint64_t now(clockid_t id)
{
	struct timespec ts;
	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

uint64_t timestamp_now(void)
{
	return now(CLOCK_REALTIME);
}

uint64_t timestamp_now_monotonic(void)
{
	return now(CLOCK_MONOTONIC);
}

/* The date of a day since 1970, in the proleptic Gregorian calendar; gmtime(3) would read the machine's time
 * zone for it. Counted from 1 March of year 0, so that the leap day is the last of a year. */
static void date_of_day(uint64_t day, struct tm *ret)
{
	uint64_t d = day + 719468, era = d / 146097, of_era = d % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * of_year + 2) / 153; /* 0: March */
	ret->tm_mday = (int)(of_year - (153 * month + 2) / 5 + 1);
	ret->tm_mon = (int)(month < 10 ? month + 2 : month - 10);
	ret->tm_year = (int)(year + era * 400 + (month >= 10)) - 1900;
}

const char *timestamp_format(uint64_t ns, char *buf)
{
	uint64_t t = ns / NS, second = t % 86400;
	struct tm tm = {
		.tm_hour = (int)(second / 3600),
		.tm_min = (int)(second / 60 % 60),
		.tm_sec = (int)(second % 60),
	};
	date_of_day(t / 86400, &tm);
	(void)snprintf(buf, TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ",
		       (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100,
		       tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100, (unsigned)(ns % NS));
	return buf;
}

int timestamp_parse(const char *s, uint64_t *ret_ns)
{
	uint64_t span;
	if (s[0] == '@') {
		int r = parse_duration(s + 1, ret_ns);
		return r < 0 ? -EINVAL : 0;
	}
	if (parse_duration(s, &span) == 0) {
		uint64_t t = timestamp_now();
		*ret_ns = span < t ? t - span : 0;
		return 0;
	}
	struct tm tm = { 0 };
	const char *p = strptime(s, "%Y-%m-%d", &tm);
	if (!p)
		return -EINVAL;
	uint64_t frac = 0;
	if (*p == 'T' || *p == ' ') {
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p)
			return -EINVAL;
		if (*p == '.') {
			uint64_t scale = NS / 10;
			for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
				frac += (uint64_t)(*p - '0') * scale;
		}
	}
	long offset = 0;
	if (*p == 'Z') {
		p++;
	} else if (*p == '+' || *p == '-') {
		int h, m, n = 0;
		if (sscanf(p + 1, "%2d:%2d%n", &h, &m, &n) != 2 || n != 5)
			return -EINVAL;
		offset = (h * 3600L + m * 60L) * (*p == '+' ? 1 : -1);
		p += 1 + n;
	}
	if (*p)
		return -EINVAL;
	time_t t = timegm(&tm) - offset;
	if (t < 0)
		return -EINVAL;
	*ret_ns = (uint64_t)t * NS + frac;
	return 0;
}

const char *timestamp_span(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		uint64_t s;
		const char *name;
	} units[] = {
		{ 86400, "day" },
		{ 3600, "hour" },
		{ 60, "minute" },
		{ 1, "second" },
	};
	uint64_t s = ns / NS;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t n = s / units[i].s;
		if (n >= (units[i].s > 60 ? 2U : 1U) || i + 1 == ARRAY_SIZE(units)) {
			(void)snprintf(buf, size, "%" PRIu64 " %s%s", n, units[i].name,
				       n == 1 ? "" : "s");
			break;
		}
	}
	return buf;
}
