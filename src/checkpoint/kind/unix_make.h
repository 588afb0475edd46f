/* SPDX-License-Identifier: Apache-2.0 */
/* unix_make.h - a unix(7) socket is made again: as file_kind's open and finish. */
#pragma once

#include "checkpoint/kind/holder.h"
#include "checkpoint/kind/unix_record.h"

int unix_open(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
	NODISCARD;
int unix_finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
	NODISCARD;
