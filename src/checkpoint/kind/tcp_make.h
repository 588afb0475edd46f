/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_make.h - a tcp(7) socket is made again: as file_kind's open and finish. */
#pragma once

#include "checkpoint/kind/holder.h"
#include "checkpoint/kind/tcp_record.h"

int tcp_open(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
	NODISCARD;
int tcp_finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
	NODISCARD;
