/* SPDX-License-Identifier: Apache-2.0 */
/*
 * viewfs.h - the FUSE file system that shows a container its own /proc files: which files there are, under which number,
 * and the answers to all requests but the content itself. Pure, without a C library: the supervisor answers with it while
 * the tree is built, contexe-procfs while the container runs, contexe-init while nobody else is there.
 *
 * Life of a connection: the builder mounts it; the supervisor answers the first requests (viewfs_answer_tree), after
 * which the kernel has all names and asks for nothing but the size, open, read, release. Numbers of files never change
 * and are never given to another file: a connection outlives the version of the program that made it.
 *
 * What stands in the shared memory (struct viewfs_shared) belongs to whoever serves. The kernel writes a request
 * into it in the same read(2) in which it hands it over, so that it is not lost with a server that is killed: while
 * request.header.len is not 0, that request may be unanswered, and the next server begins with it. Answering twice is
 * harmless: the kernel knows no such request any more (ENOENT).
 *
 * Source: fuse(4), <linux/fuse.h>.
 */
#pragma once

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/compiler.h"

/* VIEW(number, function, path, mode) in ascending order. New ones get new numbers. */
#define VIEWFS_FILES(VIEW)                                                                         \
	VIEW(2, cpuinfo, "/proc/cpuinfo", 0444)                                                    \
	VIEW(3, diskstats, "/proc/diskstats", 0444)                                                \
	VIEW(4, loadavg, "/proc/loadavg", 0444)                                                    \
	VIEW(5, meminfo, "/proc/meminfo", 0444)                                                    \
	VIEW(6, pressure_cpu, "/proc/pressure/cpu", 0444)                                          \
	VIEW(7, pressure_io, "/proc/pressure/io", 0444)                                            \
	VIEW(8, pressure_memory, "/proc/pressure/memory", 0444)                                    \
	VIEW(9, slabinfo, "/proc/slabinfo", 0400)                                                  \
	VIEW(10, stat, "/proc/stat", 0444)                                                         \
	VIEW(11, swaps, "/proc/swaps", 0444)                                                       \
	VIEW(12, uptime, "/proc/uptime", 0444)                                                     \
	VIEW(13, vmstat, "/proc/vmstat", 0444)                                                     \
	VIEW(14, threads_max, "/proc/sys/kernel/threads-max", 0444)                                \
	VIEW(15, cpu_online, "/sys/devices/system/cpu/online", 0444)                               \
	VIEW(16, cpu_present, "/sys/devices/system/cpu/present", 0444)

#define VIEWFS_FIRST	  2
#define VIEWFS_LAST	  16
#define VIEWFS_COUNT	  (VIEWFS_LAST - VIEWFS_FIRST + 1)
#define VIEWFS_NAME_MAX	  8    /* names in the file system are the numbers */
#define VIEWFS_BUFFER	  8192 /* FUSE_MIN_READ_BUFFER: the kernel hands out nothing with less */
#define VIEWFS_ANSWER	  4096 /* all but content fits */
#define VIEWFS_FOREVER	  (1u << 30) /* seconds */
#define VIEWFS_SUBTYPE	  "contexe-proc"
#define VIEWFS_SIZE_GUESS (1u << 20)
#define VIEWFS_SLOTS	  16
#define VIEWFS_SLOT_SIZE  (64u << 10)
#define VIEWFS_TRIES	  3 /* servers that may die over one request */
#ifndef FOPEN_NOFLUSH
#define FOPEN_NOFLUSH (1 << 5) /* Linux 5.18; ignored before */
#endif

/*
 * What an open file shows: made when it is read at its beginning, the same until it is read there again. Handles up to
 * VIEWFS_LAST are none: there is what a file had in it when its size was asked for, which an open that follows shows.
 */
struct viewfs_slot {
	uint64_t handle; /* 0: free */
	uint64_t used;	 /* the clock when it was used last: the oldest gives way */
	uint64_t made;	 /* CLOCK_BOOTTIME of the machine, ns */
	uint32_t size;
	uint32_t reserved;
	char text[VIEWFS_SLOT_SIZE - 32];
};

/* Load averages as the kernel keeps them, of the container's own tasks. */
struct viewfs_load {
	uint64_t at;	/* CLOCK_BOOTTIME of the machine, ns; 0: nothing yet */
	uint64_t usage; /* processor time used until then, ns */
	double average[3];
};

struct viewfs_shared {
	union {
		struct fuse_in_header header;
		char bytes[VIEWFS_BUFFER];
	} request;
	uint64_t tries;
	uint64_t next_handle; /* the last that was given out */
	uint64_t clock;
	struct viewfs_load load;
	char gap[4096 - 24 - sizeof(struct viewfs_load)];
	struct viewfs_slot slots[VIEWFS_SLOTS];
};

struct viewfs_file {
	const char *path;
	uint32_t number;
	uint32_t mode;
};

#define VIEWFS_ROW(number_, name_, path_, mode_) { path_, number_, mode_ },
static const struct viewfs_file viewfs_files[VIEWFS_COUNT] = { VIEWFS_FILES(VIEWFS_ROW) };
#undef VIEWFS_ROW

static inline const struct viewfs_file *viewfs_find(uint64_t number)
{
	return number < VIEWFS_FIRST || number > VIEWFS_LAST ? NULL
							     : &viewfs_files[number - VIEWFS_FIRST];
}

/* ---- answers ---- */

union viewfs_answer {
	struct fuse_out_header header;
	struct {
		struct fuse_out_header header;
		union {
			struct fuse_init_out init;
			struct fuse_open_out open;
			struct fuse_attr_out attr;
			struct fuse_entry_out entry;
			struct fuse_statfs_out statfs;
		};
	} body;
	char bytes[VIEWFS_ANSWER];
};

enum viewfs_verdict {
	VIEWFS_SEND,   /* the answer is to be written */
	VIEWFS_SILENT, /* the kernel wants none */
	VIEWFS_SIZE, /* the answer is to be written once the caller has put in the size of the content */
	VIEWFS_CONTENT /* a read: the caller makes the content */
};

static inline void viewfs_clear(void *at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((volatile char *)at)[i] = 0;
	}
}

static inline void viewfs_begin(const struct fuse_in_header *req, union viewfs_answer *a,
				size_t body)
{
	viewfs_clear(a, sizeof(a->header) + body);
	a->header.len = (uint32_t)(sizeof(a->header) + body);
	a->header.unique = req->unique;
}

static inline enum viewfs_verdict viewfs_fail(const struct fuse_in_header *req,
					      union viewfs_answer *a, int error)
{
	viewfs_begin(req, a, 0);
	a->header.error = -error;
	return VIEWFS_SEND;
}

/*
 * uid, gid and all times are 0: root's, as in /proc. The size is that of the content, other than there: read(2) does not care,
 * but since Linux 6.5 sendfile(2), which is how busybox's cat reads, goes no further. So it is asked for at each open.
 */
static inline void viewfs_attr(uint64_t number, struct fuse_attr *ret)
{
	const struct viewfs_file *f = viewfs_find(number);

	viewfs_clear(ret, sizeof(*ret));
	ret->ino = number;
	ret->mode = f ? S_IFREG | f->mode : S_IFDIR | 0555;
	ret->nlink = f ? 1 : 2;
	ret->blksize = 4096;
}

/*
 * Everything about files that are known to the kernel. handle: for an open. The body of a request is only looked at
 * by the caller, for a read.
 */
static inline enum viewfs_verdict viewfs_answer_file(const struct fuse_in_header *req,
						     union viewfs_answer *a, uint64_t handle)
{
	switch (req->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return VIEWFS_SILENT;
	case FUSE_GETATTR:
		viewfs_begin(req, a, sizeof(a->body.attr));
		viewfs_attr(req->nodeid, &a->body.attr.attr);
		if (viewfs_find(req->nodeid))
			return VIEWFS_SIZE;
		a->body.attr.attr_valid = VIEWFS_FOREVER;
		return VIEWFS_SEND;
	case FUSE_OPEN:
		if (!viewfs_find(req->nodeid))
			return viewfs_fail(req, a, 5 /* EIO: of a version to come */);
		viewfs_begin(req, a, sizeof(a->body.open));
		a->body.open.fh = handle;
		a->body.open.open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH;
		return VIEWFS_SEND;
	case FUSE_READ:
		return viewfs_find(req->nodeid) ? VIEWFS_CONTENT : viewfs_fail(req, a, 5);
	case FUSE_OPENDIR:
		viewfs_begin(req, a, sizeof(a->body.open));
		return VIEWFS_SEND;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS: /* it is empty but while the tree is built */
		viewfs_begin(req, a, 0);
		return VIEWFS_SEND;
	case FUSE_STATFS:
		viewfs_begin(req, a, sizeof(a->body.statfs));
		a->body.statfs.st.bsize = a->body.statfs.st.frsize = 4096;
		a->body.statfs.st.namelen = VIEWFS_NAME_MAX;
		return VIEWFS_SEND;
	case FUSE_LOOKUP:
		return viewfs_fail(req, a, 2 /* ENOENT */);
	default: /* ENOSYS: the kernel does without and, for most, never asks again */
		return viewfs_fail(req, a, 38);
	}
}

static inline size_t viewfs_name(uint32_t number, char *ret)
{
	size_t n = 0;
	if (number >= 10)
		ret[n++] = (char)('0' + number / 10);
	ret[n++] = (char)('0' + number % 10);
	ret[n] = '\0';
	return n;
}

/* All files with their attributes at once, so that the kernel need not look each of them up. */
static inline void viewfs_list(const struct fuse_in_header *req, union viewfs_answer *a)
{
	size_t at = sizeof(a->header);

	for (size_t i = 0; i < VIEWFS_COUNT; i++) {
		struct fuse_direntplus *d = (struct fuse_direntplus *)(void *)(a->bytes + at);
		size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + 2);
		viewfs_clear(d, size);
		d->entry_out.nodeid = viewfs_files[i].number;
		d->entry_out.entry_valid = VIEWFS_FOREVER;
		viewfs_attr(viewfs_files[i].number, &d->entry_out.attr);
		/* until the next tick nobody asks for it: more than there is, a short read corrects it */
		d->entry_out.attr.size = VIEWFS_SIZE_GUESS;
		d->dirent.ino = viewfs_files[i].number;
		d->dirent.off = i + 1;
		d->dirent.type = S_IFREG >> 12;
		d->dirent.namelen = viewfs_files[i].number < 10 ? 1 : 2;
		(void)viewfs_name(viewfs_files[i].number, d->dirent.name);
		at += size;
	}
	a->header.error = 0;
	a->header.len = (uint32_t)at;
	a->header.unique = req->unique;
}

/* While the tree is built: the greeting, names, and what viewfs_answer_file() knows of directories. body: after the header. */
static inline enum viewfs_verdict viewfs_answer_tree(const struct fuse_in_header *req,
						     const void *body, union viewfs_answer *a)
{
	const struct fuse_init_in *in = body;
	const struct fuse_read_in *read = body;

	switch (req->opcode) {
	case FUSE_INIT:
		viewfs_begin(req, a, sizeof(a->body.init));
		a->body.init.major = FUSE_KERNEL_VERSION;
		a->body.init.minor = in->minor < FUSE_KERNEL_MINOR_VERSION
					     ? in->minor
					     : FUSE_KERNEL_MINOR_VERSION;
		a->body.init.flags = FUSE_DO_READDIRPLUS | FUSE_PARALLEL_DIROPS;
		a->body.init.max_write = 4096;
		a->body.init.time_gran = 1;
		return VIEWFS_SEND;
	case FUSE_READDIRPLUS:
		if (read->offset)
			return viewfs_answer_file(req, a, 0);
		viewfs_list(req, a);
		return VIEWFS_SEND;
	case FUSE_OPEN:
		return VIEWFS_CONTENT; /* who looks into it will read it */
	default:
		return viewfs_answer_file(req, a, 0);
	}
}
