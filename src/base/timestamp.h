/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.h - wall-clock nanoseconds since 1970 <-> RFC 3339 text, UTC, nine decimals. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define TIMESTAMP_SIZE 40

uint64_t timestamp_now(void);		/* CLOCK_REALTIME in ns */
uint64_t timestamp_now_monotonic(void); /* CLOCK_MONOTONIC in ns */
/* "2026-11-22T01:15:11.123456789Z". buf must hold TIMESTAMP_SIZE bytes. Returns buf. */
const char *timestamp_format(uint64_t ns, char *buf);
/* RFC 3339 text (offset allowed), or "@SECONDS", or a duration that means "that long ago".
 * 0 or -EINVAL. */
int timestamp_parse(const char *s, uint64_t *ret_ns) NODISCARD;
/* "3 seconds", "5 minutes", "2 hours", "4 days": how long a span is, for people. Returns buf. */
const char *timestamp_span(uint64_t ns, char *buf, size_t size);
