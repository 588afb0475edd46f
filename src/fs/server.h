/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - contexe-fs: containers as files. One process answers all that can be read; what changes something is done
 * by a worker, a child that lives for one request (work.h), so that nothing waits for another.
 *
 *     DIR/container       reading: the reader's own container; writing a name: the writer leads a new one
 *     DIR/NAME/...        one directory a container, files.c has the table
 *     DIR/0/...           the system container
 *
 * Inode numbers: 1 the root, 2 `container`, else slot << 8 | place, where a slot stands for one container (by its id,
 * so that another of the same name is another file) and place is PLACE_* plus an index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <contexe.h>

#include "base/buf.h"

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#define INO_ROOT      1
#define INO_CONTROL   2
#define SLOT_OF(ino)  ((size_t)((ino) >> 8))
#define PLACE_OF(ino) ((unsigned)((ino)&0xff))
#define SYSTEM_SLOT   1

enum place {
	PLACE_DIR = 0,
	PLACE_FILE = 1,	    /* + index in node_files[] */
	PLACE_LIMITS = 32,  /* the directory */
	PLACE_LIMIT = 33,   /* + index in server.limits */
	PLACE_NS = 96,	    /* the directory */
	PLACE_NS_LINK = 97, /* + index in node_namespaces[] */
};

struct slot {
	char name[129], id[20];
	uint64_t refs; /* lookups that the kernel remembers; 0: free */
	uint64_t generation;
};

struct server;

/* Of one container that is there. info is of now. */
struct view {
	struct server *server;
	const char *name; /* "0": the system container, without an info */
	struct contexe_info info;
	bool system;
};

struct node_file {
	const char *name;
	mode_t mode;
	bool of_system; /* the system container has it, too */
	/* NULL: not to be read (or `events`, which is its own) */
	int (*read)(const struct view *v, struct buf *out);
	/* In a worker. NULL: not to be written. */
	int (*write)(struct server *s, const char *name, char *text, struct contexe_error *err);
};
extern const struct node_file node_files[];
extern const size_t n_node_files;
extern const char *const node_namespaces[];
extern const size_t n_node_namespaces;

struct handle; /* an open file `events`: events.h */
struct work;   /* a request that a worker has: work.h */

struct server {
	struct contexe *cx;
	struct fuse_session *session;
	uid_t uid; /* whose it is */
	gid_t gid;
	struct slot *slots;
	size_t n_slots;
	const char **limits; /* names of the options of group "Limits" */
	size_t n_limits;
	struct handle *handles;
	struct work *works;
	struct mounted *mounted;
	int signals, journal;		 /* signalfd; inotify of the state root */
	unsigned long long old_mask[16]; /* sigset_t of before */
};

/* ---- mounted.c: whether we are still there ---- */

/*
 * Containers have the control file mounted, too, so the kernel does not tell us that DIR was unmounted: the mounts are
 * watched. Their files answer ENOTCONN when we have ended.
 */
int mounted_watch(struct server *s, const char *dir);
int mounted_fd(const struct server *s); /* POLLPRI: something has changed */
bool mounted_still(struct server *s);
void mounted_done(struct server *s);

/* ---- nodes.c: what there is ---- */

void nodes_init(struct server *s);
void nodes_done(struct server *s);
/* The container of an inode; -ENOENT when it is gone. view_done() on success. */
int view_open(struct server *s, fuse_ino_t ino, struct view *ret);
void view_done(struct view *v);
/* Whether whoever asks may know of the container called name. */
bool may_see(struct server *s, const struct fuse_ctx *who, const char *name);
/* Fills in the entry of a container's directory, and counts the lookup. */
int enter_container(struct server *s, const char *name, struct fuse_entry_param *ret);
int fill_attr(struct server *s, fuse_ino_t ino, struct stat *ret);

/* ---- files.c: what they say ---- */

/* What a reader gets; -errno. */
int file_text(struct server *s, fuse_ino_t ino, pid_t reader, struct buf *out);

/* ---- ops.c ---- */
extern const struct fuse_lowlevel_ops fs_ops;
