/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.h - a dump in progress, as kinds see it: where they put what they found, how they name what is shared,
 * how they refuse.
 *
 * All tasks are stopped while kinds collect. Nothing here changes a task.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "checkpoint/image/image.h"
#include "checkpoint/inject/tracee.h"
#include "checkpoint/object/object.h"

/* A thing outside of the container that was handed in: named in the image, supplied again at restore. */
struct external {
	const char *name; /* "stdin", "stdout", "stderr", "init:channel", ... */
	/* either this descriptor of this process (host number), whatever it is ... */
	pid_t pid; /* 0: not this way */
	int number;
	/* ... or every open file of this inode, as fstat(2) tells */
	uint64_t dev, ino;
	int access; /* O_RDONLY, O_WRONLY, O_RDWR: a pipe's two ends are one inode; -1: any */
};

/* One thing that cannot be carried. */
struct refusal {
	pid_t pid;  /* host number, 0: the container */
	pid_t vpid; /* in the container */
	char comm[17];
	char object[256]; /* "fd 7 (anon_inode:[io_uring])", "mapping 7f00-8000" */
	char why[256];
	char remedy[256];
};

/*
 * The filter that the container's job was started with, for those to whom the kernel does not tell filters: they are only
 * ever added and inherited, so their number tells who has it.
 */
struct known_filter {
	uint32_t
		outer; /* filters that the surroundings gave everybody, process 1 included: not the container's */
	uint32_t flags; /* SECCOMP_FILTER_FLAG_LOG */
	const struct sock_filter *v;
	uint32_t n; /* instructions; 0: it was started without one */
};

enum tcp_mode { TCP_REFUSE, TCP_CLOSE, TCP_KEEP };

struct collect {
	struct image_writer *
		w; /* NULL on a dry run: image_put and pages are then not to be called: use collect_put() */
	struct objects *objects;
	struct arena *arena;
	struct tracees *tracees;
	pid_t init;	   /* host number of the container's process 1 */
	int proc;	   /* our /proc, O_PATH */
	const char *upper; /* host path of the private layer, NULL: none */
	const struct external *externals;
	size_t n_externals;
	enum tcp_mode tcp;
	bool leave_running;
	const struct known_filter *filter; /* NULL: not known */
	struct refusal *refusals;	   /* in the arena, grown by arena_push */
	size_t n_refusals;
	/* open files found and not yet collected by the dump's loop: see collect_file() */
	struct object **queue;
	size_t n_queue;
	/* what collect_intern() knows */
	struct interned *interned;
	size_t n_interned;
	struct collect_own *memory; /* see collect_own() */
	size_t n_memory;
};

/* A kind's own pointer for the whole dump (to memory in the arena), NULL at first. */
void **collect_own(struct collect *c, const char *kind);
/* The same, made of `size` zeroed bytes where it is not there yet. */
void *collect_own_sized(struct collect *c, const char *kind, size_t size);

/* Puts a record, or nothing on a dry run. */
int collect_put(struct collect *c, const char *type, uint64_t id, const struct field *fields,
		const void *record, struct error *err) NODISCARD;

/* Notes a refusal and goes on: returns 0, so `return collect_refuse(...)`. pid: host number, 0: none. */
int collect_refuse(struct collect *c, pid_t pid, const char *object, const char *why,
		   const char *remedy);

/* The number in the container's pid namespace of a host number of any of its tasks; 0: it has none there. */
pid_t collect_vpid(const struct collect *c, pid_t host);

/*
 * A number for content that many tasks have alike (a seccomp filter), counted from 1 within `type`: the same bytes, the same
 * number. *ret_new: it was not known, and a record of this type and id is to be put. ret_new NULL: only looks; 0 when
 * it is not known.
 */
uint64_t collect_intern(struct collect *c, const char *type, const void *data, size_t size,
			bool *ret_new);

/*
 * Says that an open file belongs to the container: fd (taken over) is ours, for the same open file description; it will be
 * collected like any other. by tells who holds it, for messages (pid 0: a queue). Returns its id, or
 * -errno. For descriptors in flight, mapped files, epoll targets, cwd and root.
 */
int64_t collect_file_take(struct collect *c, int fd, struct object_holder by, struct error *err)
	NODISCARD;

/* The name of an external thing with this (device, inode), or NULL: one end of a pipe may be ours. */
const char *collect_external(const struct collect *c, uint64_t dev, uint64_t ino);

/* The name of the external thing that this open file is, or NULL. */
struct file_facts;
const char *collect_external_file(const struct collect *c, const struct file_facts *f);

/* What is known of a collected open file without asking its kind. */
struct file_facts {
	uint64_t id;		 /* object's */
	int fd;			 /* ours: the same open file description; O_PATH ones too */
	struct object_holder by; /* the first holder: for messages and /proc/PID/fd */
	struct stat st;
	uint64_t fs;	 /* statfs f_type */
	uint64_t mnt_id; /* of fdinfo */
	const char *
		link; /* /proc/self/fd/N: "pipe:[77]", "/etc/motd", "/tmp/x (deleted)", "anon_inode:[eventfd]" */
	const char *info; /* text of the holder's fdinfo where there is one, else ours */
	int flags;	  /* F_GETFL */
	int64_t pos;	  /* of fdinfo */
};

/* "fd 7 of pid 12 (redis-server): /tmp/x" for messages; in the arena. */
const char *file_name(struct collect *c, const struct file_facts *f);
/* Refuses this open file. */
int file_refuse(struct collect *c, const struct file_facts *f, const char *why, const char *remedy);
