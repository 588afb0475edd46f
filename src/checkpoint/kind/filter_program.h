/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_program.h - what a seccomp filter, a classic BPF program, would answer. Pure. Source: seccomp(2), bpf(4) of BSD.
 *
 * Programs come from the kernel, which has checked them, or from an image, which nobody has: every index is
 * checked here.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its SECCOMP_RET_* value; SECCOMP_RET_KILL_PROCESS when it is not a well-formed program. */
uint32_t filter_program_run(const struct sock_filter *v, size_t n, const struct seccomp_data *data);

/* Whether the system call of this number, with all arguments 0, is let through. */
bool filter_program_allows(const struct sock_filter *v, size_t n, int nr);

/* Whether some path of it may return this action (a return of the accumulator counts for all). */
bool filter_program_may_return(const struct sock_filter *v, size_t n, uint32_t action);
