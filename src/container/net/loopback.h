/* SPDX-License-Identifier: Apache-2.0 */
/* loopback.h - the one interface that every network namespace is born with. netdevice(7). */
#pragma once

#include "base/error.h"

/* Brings `lo` up in the caller's network namespace. 0 or -errno. */
int loopback_up(struct error *err) NODISCARD;
