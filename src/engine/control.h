/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - what commands and the supervisor of a container say to each other over `ctl`, a
 * SOCK_SEQPACKET unix socket in the container's directory. One message is a struct ctl_msg and, for some
 * types, bytes after it.
 *
 *   CTL_ATTACH  command -> supervisor  value: CTL_ATTACH_*; from then on output comes as CTL_DATA
 *                                      answer CTL_OK, before anything else
 *   CTL_DATA    both ways              value: stream (0 stdin, 1 stdout, 2 stderr); bytes follow
 *   CTL_EOF     command -> supervisor  no more stdin
 *   CTL_RESIZE  command -> supervisor  value: rows, value2: columns of the terminal
 *   CTL_START   command -> supervisor  let a created container's program run; answer CTL_OK or CTL_ERROR
 *   CTL_STOPPING command -> supervisor it shall end: the restart policy is off; value: 0 when it goes with the
 *                                      machine, 1 when that is a user's wish, 2 when it was checkpointed; 3: it goes
 *                                      on after all; answer CTL_OK
 *   CTL_POLICY  command -> supervisor  value: enum restart_policy, value2: maximum; answer CTL_OK
 *   CTL_REGROUP command -> supervisor  control groups were added: state.json names them; answer CTL_OK
 *   CTL_WAIT    command -> supervisor  asks for CTL_EXIT
 *   CTL_EXIT    supervisor -> all attached and waiting commands: value: wait status. Then it closes.
 *   CTL_ERROR   supervisor -> command  a struct error follows
 *
 * contexe-init answers on the same socket while no supervisor lives (init/protocol.h); its messages begin with
 * another magic.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define CTL_MAGIC    0x43545843u /* "CXTC" */
#define CTL_MAX_DATA 16384

enum ctl_type {
	CTL_ATTACH = 1,
	CTL_DATA,
	CTL_EOF,
	CTL_RESIZE,
	CTL_START,
	CTL_STOPPING,
	CTL_POLICY,
	CTL_REGROUP,
	CTL_WAIT,
	CTL_EXIT,
	CTL_OK,
	CTL_ERROR,
};

#define CTL_ATTACH_STDIN 1

struct ctl_msg {
	uint32_t magic;
	uint32_t type;
	int32_t value;
	int32_t value2;
};

/* A listening socket at dir/ctl (an old one is replaced). Descriptor or -errno. */
int control_listen(int dir, struct error *err) NODISCARD;

/* Connects to dir/ctl. -ECONNREFUSED or -ENOENT when nobody serves it. */
int control_connect(int dir) NODISCARD;

/* 0 or -errno (-EAGAIN on a full non-blocking socket). */
int control_send(int sock, enum ctl_type type, int value, int value2, const void *data, size_t size)
	NODISCARD;

/* One message; data gets what follows it (at most size). Bytes of data, -EPIPE at the end, -EBADMSG, -errno. */
ssize_t control_recv(int sock, struct ctl_msg *ret, void *data, size_t size, int flags) NODISCARD;

/* Sends a request and waits for CTL_OK (0) or CTL_ERROR (its error). */
int control_request(int dir, enum ctl_type type, int value, int value2, struct error *err)
	NODISCARD;
