/* SPDX-License-Identifier: Apache-2.0 */
/* adopt.h - taking over a container whose supervisor was killed. init/protocol.h, INIT_ADOPT. */
#pragma once

#include "engine/bringup.h"

/*
 * Asks contexe-init for what it kept (control socket, terminal, pipes) and fills relay and live as
 * bringup() would have. -EOPNOTSUPP with --init none, where nobody kept anything; -errno.
 */
int adopt(struct container *c, const struct spec *spec, struct relay *relay, struct live *ret,
	  struct error *err) NODISCARD;
