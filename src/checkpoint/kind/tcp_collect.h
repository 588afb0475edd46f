/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_collect.h - a tcp(7) socket is written down: as file_kind's collect, drain and undrain. */
#pragma once

#include "checkpoint/kind/collect.h"

int tcp_collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
	NODISCARD;
int tcp_drain(struct collect *c, struct error *err) NODISCARD;
void tcp_undrain(struct collect *c);
