/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_survey.h - all unix(7) sockets that the container holds, looked at once: who is connected to
 * whom, what lies in their queues, and the sockets that lie in these.
 *
 * It needs every descriptor of every task to be known (collect_file_take) before; that is so when
 * the first kind is asked to collect.
 */
#pragma once

#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/socket_diag.h"
#include "checkpoint/kind/unix_record.h"

struct unix_entry {
	const struct object *o; /* the open file */
	uint64_t ino;
	const struct unix_seen *seen; /* NULL: it is in another network namespace */
	int type;
	struct bytes name, peer_name;
	struct unix_credentials peer;
	struct list queue; /* struct socket_message; files are ids */
	struct list options;
	const char *not_carried; /* why, NULL: nothing stands in the way */
	bool error;		 /* POLLERR */
	struct stat
		node; /* that it is bound to, owners as the container sees them; st_mode 0: none */
};

struct unix_survey {
	struct unix_entry *v; /* sorted by inode when done */
	size_t n;
	struct unix_seen *seen;
	size_t n_seen;
};

/* The survey of this dump, made or brought up to date for a socket found since. */
int unix_survey(struct collect *c, uint64_t ino, const struct unix_survey **ret, struct error *err)
	NODISCARD;

struct unix_entry *unix_survey_find(const struct unix_survey *s, uint64_t ino);

/* The one that listens under a name, or NULL. */
const struct unix_entry *unix_survey_listener(const struct unix_survey *s, int type,
					      const struct bytes *name);

/*
 * The one that is bound to the node with this inode (of those with one name the one that it is the
 * own name of), or NULL.
 */
const struct unix_entry *unix_survey_bound(const struct unix_survey *s, const struct stat *node);

/* What SO_PEERCRED and SO_PEERGROUPS tell; in a step aside. */
void unix_credentials_read(int fd, struct arena *arena, struct unix_credentials *ret);

/* Descriptors in messages become ids of open files. */
int unix_queue_take(struct collect *c, struct list *queue, struct error *err) NODISCARD;
