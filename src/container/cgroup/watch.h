/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - reading a group's files of numbers, and waiting for one to change.
 * What is not there leaves *ret as it was, so that a caller can have its default in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* A whole file of one number ("max": UINT64_MAX). 0 or -errno. */
int watch_read_u64(int dirfd, const char *file, uint64_t *ret);

/* The number after `key` and a blank in a file of such lines. 0, -ENODATA or -errno. */
int watch_read_key(int dirfd, const char *file, const char *key, uint64_t *ret);

/* The same in text that was read before. */
int watch_find_key(const char *text, const char *key, uint64_t *ret);

/* Waits, woken by the kernel, until key in cgroup.events has the value. deadline: CLOCK_MONOTONIC in ns.
 * 0, -ETIMEDOUT or -errno. */
int watch_event(int dirfd, const char *key, uint64_t value, uint64_t deadline) NODISCARD;

/* For v1, where the kernel does not tell: sleeps a moment that doubles with each call up to 10 ms (*ns
 * starts as 0). False, without a sleep, when the deadline has passed. */
bool watch_backoff(uint64_t *ns, uint64_t deadline) NODISCARD;

/* CLOCK_MONOTONIC now + timeout. */
uint64_t watch_deadline(unsigned timeout_ms);
