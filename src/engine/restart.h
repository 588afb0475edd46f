/* SPDX-License-Identifier: Apache-2.0 */
/* restart.h - whether and when a container that ended is started again: --restart. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "spec/spec.h"

enum restart_policy { RESTART_NO, RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_UNLESS_STOPPED };

struct restart {
	enum restart_policy policy;
	unsigned max; /* on-failure: at most so often in a row, 0: no bound */
	unsigned count;
	uint64_t delay; /* the next one, ns */
};

/* "no", "always", "on-failure[:N]", "unless-stopped". -EINVAL. */
int restart_parse(const char *text, enum restart_policy *ret, unsigned *ret_max, struct error *err)
	NODISCARD;
const char *restart_name(enum restart_policy policy);

void restart_init(struct restart *r, const struct spec *spec);

/*
 * After an end with this wait status of a life that began at started (ns since 1970): whether to start again,
 * and after how long: 100 ms, doubled each time up to a minute, from the beginning again after a life of 10 s.
 */
bool restart_wanted(struct restart *r, int wait_status, uint64_t started, uint64_t *ret_delay);
