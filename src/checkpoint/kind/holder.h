/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holder.h - the process that makes open files again: ordinary C inside the container's new namespaces (mount, net, ipc,
 * uts, user; its root is the container's), with all capabilities that the engine has there. Each open file is made once,
 * kept at one descriptor, and handed to pid 1, from which all tasks inherit it: sharing is right by construction.
 *
 * Order: every file's kind->open() first (what another one needs is asked for with holder_fd(), which opens it then),
 * then every kind->finish(). File flags (O_APPEND, O_NONBLOCK, ...), owner and signal are set by the caller
 * afterwards from the common record.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/image/image.h"

struct holder;

struct image *holder_image(struct holder *h);
struct arena *holder_arena(struct holder *h);

/* A /proc in which the holder sees itself as "self" (O_PATH): descriptors are opened anew through it. Stays the holder's. */
int holder_proc(struct holder *h);

/* All tasks exist, with their memory in place; none runs yet. */
bool holder_late(const struct holder *h);

/*
 * The descriptor of another open file, opened now if need be. -ELOOP when it is just being opened, -EAGAIN when it is a late one
 * and holder_late() is false. Stays the holder's.
 */
int holder_fd(struct holder *h, uint64_t file_id, struct error *err) NODISCARD;

/* Keeps a descriptor for another open() or finish() of the same kind: the other end of a pair. Keys are the kind's own. */
void holder_stash_take(struct holder *h, const char *kind, uint64_t key, int fd);
int holder_unstash(struct holder *h, const char *kind,
		   uint64_t key); /* the caller's now; -EBADF: none */
int holder_stashed(struct holder *h, const char *kind, uint64_t key); /* stays stashed */

/* A kind's own pointer for the whole restore (to memory in the arena), NULL at first. */
void **holder_memory(struct holder *h, const char *kind);

/*
 * Whether children of the holder are born in the container's pid namespace and none of its tasks is yet: then a
 * connection can be made by a process with the number that SO_PEERCRED is to tell.
 */
bool holder_has_pids(const struct holder *h);

/* What was supplied for an external name; stays the holder's. -ENOENT with an error that says how to supply it. */
int holder_external(struct holder *h, const char *name, struct error *err) NODISCARD;

/* Copies n_pages pages at an offset of the image to an offset of fd (pwrite). For shared memory and ghost files. */
int holder_copy_pages(struct holder *h, uint64_t image_offset, uint64_t n_pages, int fd,
		      uint64_t at, struct error *err) NODISCARD;
