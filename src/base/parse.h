/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - strict readers of numbers, sizes and durations: the whole text must be one, without
 * white space, sign tricks or overflow. 0 or -EINVAL (not one) or -ERANGE (out of [min, max]).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret) NODISCARD;
int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret) NODISCARD;
int parse_octal(const char *s, uint64_t max, uint64_t *ret) NODISCARD;

/* Bytes: a number with an optional suffix b k m g t (powers of 1024, any case, "KiB" and "kb" too);
 * fractions are allowed before a suffix ("1.5g"). */
int parse_size(const char *s, uint64_t *ret) NODISCARD;

/* Nanoseconds: "10" (seconds), "1.5s", "200ms", "5m", "2h", "1h30m", "7d". */
int parse_duration(const char *s, uint64_t *ret_ns) NODISCARD;

/* A CPU or memory-node list as the kernel writes it: "0-3,8". Only the shape is checked. */
bool parse_is_cpulist(const char *s);

/* Names of containers, networks, images: [A-Za-z0-9][A-Za-z0-9_.-]{0,max-1}. */
bool parse_is_name(const char *s, size_t max);

bool str_eq(const char *a, const char *b);		/* NULL equals only NULL */
bool str_has_prefix(const char *s, const char *prefix); /* s may be NULL */
