/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_inject.h - packets that arrive at a socket of this network namespace as if another machine
 * had sent them: through a raw socket, whose packets to an own address the kernel hands to itself.
 * Needs CAP_NET_RAW.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

/* A datagram. Addresses are struct sockaddr_in or _in6, both of one family. */
int socket_inject_udp(const struct bytes *from, const struct bytes *to, const struct bytes *data,
		      struct error *err) NODISCARD;

/* The other end's FIN. */
int socket_inject_fin(const struct bytes *from, const struct bytes *to, uint32_t sequence,
		      uint32_t acknowledged, struct error *err) NODISCARD;
