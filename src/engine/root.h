/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.h - the state root: one directory that holds all that is kept.
 *
 *     containers/NAME/     one container (see container.h); made by mkdir(2), which claims the name
 *     numbers/N            symbolic link to NAME:ID; made by symlink(2), which claims the number
 *     trash/               directories on their way out: renamed here (NAME:ID), then deleted
 *     images/              the image store
 *     cache/               compiled seccomp filters
 *     ids/                 which uids and gids containers have (see idrange.h)
 *     host/                the layer that hides the host's secrets (see hostroot.h)
 *     events               the journal of events
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct root {
	char *path;
	int fd;		 /* of path */
	int containers;	 /* of containers/ */
	bool in_userns;	 /* this process is in a user namespace that is not the first */
	bool privileged; /* uid 0 and all that this implies, though perhaps in a user namespace */
};

int root_open(const char *path, struct root **ret, struct error *err) NODISCARD;
void root_close(struct root *root);

/* A path below the root as a string of the caller's (free). */
/*
 * The control file of containers (contexe-fs(1)), as long as the server lives that said so: it holds a lock on the file
 * `control` of the state root. NULL: there is none. malloc'ed.
 */
char *root_control(const struct root *root);
/* Says so: the descriptor that holds the lock. -EBUSY: another does. */
int root_serve_control(const struct root *root, const char *path) NODISCARD;

char *root_path(const struct root *root, const char *below) NODISCARD;

/*
 * Claims the number (0: the smallest free one from 1 on) for a name. Returns it, or -EEXIST when it is
 * taken. root_release_number() gives it back, if it is this name's.
 */
int root_claim_number(const struct root *root, unsigned wanted, const char *name) NODISCARD;
void root_release_number(const struct root *root, unsigned number, const char *name);

/*
 * A claim also holds the id of the container it is for ("NAME:ID"), so that what a maker that was killed left
 * behind can be found. The id of a name: malloc'ed, or NULL.
 */
char *root_id_of_name(const struct root *root, const char *name);

/* The whole claim of a name, "NAME:ID": malloc'ed, or NULL. The number, if known, saves looking through all. */
char *root_claim_of_name(const struct root *root, unsigned number, const char *name);

/* The number of a name, 0: it has none. */
unsigned root_number_of_name(const struct root *root, const char *name);

/* The name that has a number: malloc'ed, or NULL. */
char *root_name_of_number(const struct root *root, unsigned number);

/* Deletes what earlier removals left in trash/ (their process died), and gives back their numbers. Best effort. */
void root_empty_trash(const struct root *root);
