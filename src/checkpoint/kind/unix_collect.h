/* SPDX-License-Identifier: Apache-2.0 */
/* unix_collect.h - a unix(7) socket is written down: from what the survey saw to its record. */
#pragma once

#include "checkpoint/kind/collect.h"

/* As file_kind's collect and drain. */
int unix_collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
	NODISCARD;
int unix_drain(struct collect *c, struct error *err) NODISCARD;
