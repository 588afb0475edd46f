/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert.h - from the numbers of the OCI specification (which speaks cgroup v1) to the text that a
 * control file takes. Pure. A converter returns 0, or -ERANGE for a number that means nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define CONVERT_SIZE 32

typedef int convert_fn(int64_t n, char *ret); /* ret: CONVERT_SIZE bytes */

convert_fn convert_plain;	 /* n >= 0 */
convert_fn convert_signed;	 /* any */
convert_fn convert_bytes_v1;	 /* -1: no limit */
convert_fn convert_or_max;	 /* -1: "max" */
convert_fn convert_pids;	 /* <= 0: "max" */
convert_fn convert_cpu_weight;	 /* cpu.shares 2..262144 (1024) -> cpu.weight 1..10000 (100) */
convert_fn convert_io_weight;	 /* blkio 10..1000 -> io.weight 1..10000 */
convert_fn convert_blkio_weight; /* 10..1000 as it is */

/*
 * memory+swap together (OCI, v1) -> swap alone (v2): total - limit; -1 is "max".
 * -EINVAL when total is less than the limit, or the limit is none (-1) and total is not.
 */
int convert_swap(int64_t total, int64_t limit, char *ret) NODISCARD;

/* Whether every number of the list "0-3,8" is in the other. Numbers past 8191 are not known: false. */
bool cpulist_is_subset(const char *list, const char *of);
