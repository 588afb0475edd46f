/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traits.h - what a process is beside its numbers: ids, capabilities, umask, filters; for making another like it.
 * Parsing is pure; reading is separate. Source: proc_pid_status(5), proc_pid_stat(5).
 *
 * User and group ids are as the user namespace of the reader names them (of who opened the file, and when): those
 * that it has no name for are 65534.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/compiler.h"

enum proc_id { PROC_ID_REAL, PROC_ID_EFFECTIVE, PROC_ID_SAVED, PROC_ID_FILES, PROC_IDS };

struct proc_traits {
	uint32_t uids[PROC_IDS], gids[PROC_IDS];
	gid_t *groups; /* in the arena */
	size_t n_groups;
	uint64_t inheritable, permitted, effective, bounding, ambient;
	bool no_new_privs;
	int seccomp; /* 0, 1 strict, 2 filters */
	int umask;   /* -1: not told (Linux before 4.7) */
	pid_t tgid, tracer;
	char state;
};

/* text: of a status file. 0 or -EINVAL, and then *ret is as before. */
int proc_traits_parse(const char *text, struct arena *a, struct proc_traits *ret) NODISCARD;

/* proc: an open /proc. 0, -ESRCH (it is gone) or -errno. */
int proc_traits_read(int proc, pid_t pid, struct arena *a, struct proc_traits *ret) NODISCARD;

/* Whether it is one of the kernel's own. 1, 0, -ESRCH or -errno. text: of a stat file, pure. */
int proc_is_kernel_thread(int proc, pid_t pid) NODISCARD;
int proc_stat_is_kernel_thread(const char *text) NODISCARD;
