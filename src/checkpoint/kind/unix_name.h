/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_name.h - names of unix(7) sockets given back: bind(2) with exactly the bytes that
 * getsockname(2) shall tell.
 *
 * A name in the file system is its node. Where the node is still in its place, it is made anew
 * there, with the same mode and owner: bind(2) always makes one. Where it was unlinked or replaced,
 * the name is bound below a private root, a small tmpfs that is mounted nowhere, so that nothing
 * appears in the container's tree.
 *
 * All is done by processes aside (aside.h), whose root and directory are theirs.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "checkpoint/kind/unix_record.h"

/* A private root, O_PATH. -errno. */
int unix_root_new(struct error *err) NODISCARD;

/* Binds to a node of its own in the container's tree. Abstract names: node may be NULL. */
int unix_name_bind(int fd, const struct bytes *name, const struct unix_node *node,
		   struct error *err) NODISCARD;

/* Binds below a private root (for abstract names: as above). */
int unix_name_bind_below(int fd, const struct bytes *name, int root, struct error *err) NODISCARD;

/* Where another socket can be reached. */
struct unix_target {
	const struct bytes *name;
	const struct unix_node *node; /* NULL: below root */
	int root;
};

/*
 * What to do as somebody, so that SO_PEERCRED tells of him. has_pids: whether his number can be
 * had.
 */
struct unix_as {
	const struct unix_credentials *credentials;
	bool has_pids;
};

int unix_name_connect(int fd, const struct unix_target *to, const struct unix_as *as,
		      struct error *err) NODISCARD;
int unix_listen_as(int fd, uint32_t backlog, const struct unix_as *as, struct error *err) NODISCARD;
int unix_pair_as(int type, int ret_fds[2], const struct unix_as *as, struct error *err) NODISCARD;

struct socket_message;
/* Sends one message to a target, NULL: connected. */
int unix_send_to(int fd, const struct socket_message *m, const int *fds,
		 const struct unix_target *to, const struct unix_as *as, struct error *err)
	NODISCARD;
