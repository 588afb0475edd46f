/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - readers of /proc/PID: what a process is, as one struct. Parsing is pure (text in, struct
 * out, fuzzable); opening is separate. Source: proc(5), pid_namespaces(7).
 *
 * "The reader" is whoever mounted the /proc that is read: numbers outside of the ns* arrays are those of
 * its pid namespace. Where a number is not known there is 0 (a pgrp of 0 is also what the kernel says of
 * a group whose leader is outside the namespace).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * How many pid namespaces a process can be in: the kernel allows levels 0 to MAX_PID_NS_LEVEL (32), so a
 * process of the deepest has 33 numbers when read from the first one.
 */
#define PROC_MAX_LEVELS 33

struct proc_process {
	pid_t pid, ppid, pgrp, sid, tgid; /* as seen from the /proc that was read */
	char comm[64];
	char state;
	int tty;
	uint64_t utime, stime; /* clock ticks */
	uint64_t start;	       /* clock ticks since boot */
	uint64_t vsize, rss;   /* bytes */
	uint32_t threads;
	uid_t uid; /* effective */
	uid_t ruid;
	int n_levels; /* pid namespaces from the reader's down to the process' own */
	pid_t nspid[PROC_MAX_LEVELS], nstgid[PROC_MAX_LEVELS], nspgid[PROC_MAX_LEVELS],
		nssid[PROC_MAX_LEVELS];
	uint64_t pidns; /* inode of its pid namespace, 0 when it may not be read */
};

/*
 * Pure parsers of the whole text of /proc/PID/stat and /proc/PID/status. Each fills in its own fields and
 * leaves the others: call them on a zeroed struct, one after the other.
 *   stat:   pid comm state ppid pgrp sid tty utime stime threads start vsize rss
 *   status: pid tgid ppid threads uid ruid and the levels (one level, made of the plain numbers, for a
 *           kernel without pid namespaces; pgrp and sid must then have come from stat)
 * 0 or -EINVAL (not such a text, or a number that cannot be one); nothing is written on failure.
 */
int proc_parse_stat(const char *text, struct proc_process *ret) NODISCARD;
int proc_parse_status(const char *text, struct proc_process *ret) NODISCARD;

/* Reads one process (stat, status, ns/pid) of this pid namespace. 0, -ESRCH or -errno. */
int proc_read(pid_t pid, struct proc_process *ret) NODISCARD;

/* All processes of /proc in a malloc'ed array, ascending pid. Those that vanish meanwhile are left out. */
int proc_read_all(struct proc_process **ret, size_t *ret_n) NODISCARD;

/*
 * The command line with blanks between arguments, or "[comm]" for one that has none (kernel threads,
 * zombies). Control characters become '?', so that it can be shown on a terminal. Appends to out; nothing
 * when the process is gone. At most 64 KiB of it are shown.
 */
struct buf;
void proc_cmdline(pid_t pid, struct buf *out);

/* Inode of /proc/PID/ns/NAME ("pid", "net", ...); 0 when it cannot be read. pid 0: ourselves. */
uint64_t proc_ns_inode(pid_t pid, const char *name);

/*
 * The inode of the parent of the pid namespace behind ns_fd (NS_GET_PARENT, ioctl_ns(2), Linux 4.9), 0
 * when there is none or it is above our own and so not visible.
 */
uint64_t proc_pidns_parent(int ns_fd);
