/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - readers of /proc/PID: what a process is, as one struct. Parsing is pure (text in, struct
 * out, fuzzable); opening is separate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

#define PROC_MAX_LEVELS 32 /* MAX_PID_NS_LEVEL of the kernel */

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

/* Pure parsers. 0 or -EINVAL. */
int proc_parse_stat(const char *text, struct proc_process *ret) NODISCARD;
int proc_parse_status(const char *text, struct proc_process *ret) NODISCARD;

/* Reads one process (stat, status, ns/pid). 0, -ESRCH or -errno. */
int proc_read(pid_t pid, struct proc_process *ret) NODISCARD;

/* All processes of /proc in a malloc'ed array, ascending pid. Those that vanish meanwhile are left out. */
int proc_read_all(struct proc_process **ret, size_t *ret_n) NODISCARD;

/* The command line with blanks between arguments, or "[comm]". Appends to out. */
struct buf;
void proc_cmdline(pid_t pid, struct buf *out);

/* Inode of /proc/PID/ns/NAME ("pid", "net", ...); 0 when it cannot be read. pid 0: ourselves. */
uint64_t proc_ns_inode(pid_t pid, const char *name);

/* The inode of the parent of a pid namespace (NS_GET_PARENT), 0 when there is none or not visible. */
uint64_t proc_pidns_parent(int ns_fd);
