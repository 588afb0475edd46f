/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.h - what can be shared: which descriptors of which tasks are the same open file, the same inode, the same
 * address space. Each distinct one gets an id, counted from 1 within its class, and knows who holds it.
 *
 * Open files are told apart by kcmp(2) KCMP_FILE on descriptors of our own (pidfd_getfd(2) brought them here): its result is an order,
 * so the table sorts by it within the same (device, inode). Tables of descriptors, address spaces and the like
 * are compared by pid.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum object_class {
	OBJECT_FILE,  /* open file description */
	OBJECT_INODE, /* (device, inode): a pipe's two ends, a file's content, a socket */
	OBJECT_FILES, /* table of descriptors (CLONE_FILES) */
	OBJECT_FS,    /* root, cwd, umask (CLONE_FS) */
	OBJECT_MM,    /* address space (CLONE_VM) */
	OBJECT_N,
};

struct object_holder {
	pid_t pid;  /* host number; 0: held by a queue or another object, not by a task */
	int number; /* the descriptor's */
};

struct object {
	uint64_t id;
	enum object_class class;
	int fd; /* FILE: ours, kept until objects_free(); else -EBADF */
	uint64_t dev, ino;
	struct object_holder *holders;
	size_t n_holders;
	void *data; /* whatever the dump keeps with it (in the dump's arena) */
};

struct objects;

struct objects *objects_new(void);
void objects_free(struct objects *o);

/* Finds or makes the open file behind fd, which is taken over (closed when it was known already). */
int objects_file_take(struct objects *o, int fd, struct object_holder by, struct object **ret,
		      bool *ret_new, struct error *err) NODISCARD;
/* Only finds: NULL when it is not there. */
struct object *objects_file_find(const struct objects *o, int fd);
struct object *objects_inode(struct objects *o, uint64_t dev, uint64_t ino, bool *ret_new);
struct object *objects_inode_find(const struct objects *o, uint64_t dev, uint64_t ino);
/* class FILES, FS, MM: compares by kcmp(2) with those known. */
int objects_task(struct objects *o, enum object_class class, pid_t pid, struct object **ret,
		 bool *ret_new, struct error *err) NODISCARD;
/* The n-th of a class, in the order of finding; NULL after the last. */
struct object *objects_at(const struct objects *o, enum object_class class, size_t n);
struct object *objects_by_id(const struct objects *o, enum object_class class, uint64_t id);
