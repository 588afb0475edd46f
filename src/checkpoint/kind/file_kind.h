/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_kind.h - a kind of open file: dump and restore side by side. One file here and one word in meson.build
 * (file_kinds), from which the table file_kinds[] is made. Kinds never include each other.
 *
 * Which kind an open file is of is told by (class, key), from facts alone: exactly one kind may claim each
 * (tests/unit/test_kind.c). What no kind claims is refused by name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/kind/collect.h"
#include "checkpoint/kind/holder.h"

enum file_class {
	FILE_CLASS_NONE,
	FILE_REGULAR, /* key: NULL, or the file system's name where it is special: "proc", "sysfs", "cgroup", "procview" */
	FILE_DIRECTORY, /* the same keys */
	FILE_SYMLINK,	/* O_PATH | O_NOFOLLOW */
	FILE_CHAR, /* key: "mem" (null, zero, full, random, urandom), "tty", "console", "ptmx", "pts", else "MAJOR:MINOR" */
	FILE_BLOCK,
	FILE_PIPE,	  /* pipefs */
	FILE_FIFO,	  /* a named one */
	FILE_SOCKET,	  /* key: "unix", "tcp", "udp", "netlink", "packet", "raw", ... */
	FILE_SOCKET_PATH, /* O_PATH of a socket's node */
	FILE_ANON, /* key: what stands in the brackets: "eventfd", "eventpoll", "inotify", ... */
	FILE_MEMORY, /* no path ever: key "memfd", "shmem" (shared anonymous, /dev/zero), "hugetlb", "sysv" */
	FILE_NAMESPACE, /* nsfs; key "net", "mnt", ... */
	FILE_QUEUE,	/* mqueue */
};

struct file_match {
	enum file_class class;
	const char *key; /* NULL: the class without key */
};

/* An error-free look at the facts; *ret_key points to static memory or into facts' arena. */
struct file_match file_classify(struct collect *c, const struct file_facts *f);

struct file_kind {
	const char *name;		  /* record type is "file.NAME" */
	const struct file_match *matches; /* ends with FILE_CLASS_NONE */
	const struct field *fields;
	size_t size;   /* of the record's struct */
	bool no_flags; /* F_SETFL is this kind's own business (sockets, O_PATH) */
	/*
	 * Fills in the record; sub-objects (queued descriptors, targets) by collect_file_take(). A refusal is
	 * noted with file_refuse() and 0 returned. Returns 0 or -errno.
	 */
	int (*collect)(struct collect *c, const struct file_facts *f, void *record,
		       struct error *err);
	/*
	 * Optional: a second look, once all open files of the container were collected and before the records of files are
	 * put: what only the whole tells (who else holds a pipe, which open file an epoll watches). May change
	 * the record, put records of its own, refuse.
	 */
	int (*settle)(struct collect *c, const struct file_facts *f, void *record,
		      struct error *err);
	/*
	 * Optional, once a kind: takes what can only be taken by destroying it (connections that wait to be accepted, with
	 * their data). When all files were collected; only when the container is killed afterwards (not leave_running, not
	 * on a dry run). May find more open files.
	 */
	int (*drain)(struct collect *c, struct error *err);
	/* Optional: the dump failed after drain(): what can be put back is. */
	void (*undrain)(struct collect *c);
	/*
	 * Optional: true when it can be opened only once all tasks exist (a pidfd, a file of /proc/PID). open() is
	 * then called late, in a process of the container's pid namespace; the tasks get it before they run. holder_fd()
	 * tells -EAGAIN until then. Without it: never late.
	 */
	bool (*late)(const void *record);
	/* Makes the open file. Returns a descriptor (O_CLOEXEC, the caller's) or -errno. flags: as F_GETFL told. */
	int (*open)(struct holder *h, uint64_t id, int flags, const void *record,
		    struct error *err);
	/*
	 * Optional: what needs others to exist. fd stays the holder's. -EAGAIN (nothing needs to be undone, err is not read): it is called
	 * again when all tasks exist with their memory in place and all late files are open: then holder_late() is true.
	 */
	int (*finish)(struct holder *h, uint64_t id, int fd, const void *record, struct error *err);
	/* One line for `inspect`: appended to out. Optional. */
	void (*describe)(const void *record, struct buf *out);
};

extern const struct file_kind *const file_kinds[]; /* ends with NULL; made by meson */
const struct file_kind *file_kind_find(const char *name);
const struct file_kind *file_kind_of(const struct file_match *m); /* NULL: nobody's */

/* The record that every open file has: type "file", id = object's. */
struct file_record {
	char *kind;
	uint32_t flags;	    /* F_GETFL */
	char *external;	    /* name; kind is "external" then */
	int32_t owner_type; /* F_GETOWN_EX, -1: none */
	int32_t owner;	    /* in the container's pid namespace */
	int32_t signal;	    /* F_GETSIG */
	struct list locks;  /* struct file_lock: file_lock_collect(), file_lock_apply() */
	char *name;	    /* for people */
};
extern const struct field file_record_fields[];
