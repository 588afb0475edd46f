/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_status.h - single fields of the texts /proc/PID/status and /proc/PID/stat, as kinds get them. Pure: text in,
 * numbers out. Source: proc(5).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* What stands after "NAME:" and its blanks, up to the line's end; NULL: there is no such line. */
const char *proc_status_find(const char *status, const char *name);

/* The first number of a line. 0, -ENOENT (no such line: an older kernel) or -EINVAL. */
int proc_status_u64(const char *status, const char *name, int base, uint64_t *ret) NODISCARD;

/* All numbers of a line ("NSpid:\t77\t3"), at most max. How many there are, -ENOENT or -EINVAL. */
int proc_status_list(const char *status, const char *name, uint64_t *ret, size_t max) NODISCARD;

/* A numeric field of stat, counted as in proc(5): 4 is the parent. 0 or -EINVAL. */
int proc_stat_i64(const char *stat, int field, int64_t *ret) NODISCARD;
#define PROC_STAT_PGRP	5
#define PROC_STAT_SID	6
#define PROC_STAT_TTY	7
#define PROC_STAT_TPGID 8
