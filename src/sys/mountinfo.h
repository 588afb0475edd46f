/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountinfo.h - the mounts of a process, as /proc/PID/mountinfo tells them: proc_pid_mountinfo(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/compiler.h"

struct mountinfo {
	int id, parent;
	dev_t dev;
	const char *root;	 /* which directory (or file) of the file system */
	const char *mount_point; /* as seen from the root of that process */
	const char *options;	 /* of the mount: "ro,nosuid,relatime" */
	unsigned shared, master; /* peer groups; 0: not shared, no slave */
	unsigned propagate_from; /* nearest dominating peer group; 0: none */
	bool unbindable;
	const char *type;	   /* "ext4", "fuse.sshfs" */
	const char *source;	   /* "" when there is none */
	const char *super_options; /* of the file system */
};

/*
 * Parses one line (without its newline), which is modified: escapes (\040) are undone in place, and the
 * strings of *ret point into it. 0 or -EINVAL, and then *ret is as before.
 */
int mountinfo_parse_line(char *line, struct mountinfo *ret) NODISCARD;

/*
 * Reads a whole table, dirfd and path as in openat(2): AT_FDCWD and "/proc/self/mountinfo". Parents come
 * in the kernel's order, not sorted. Everything lives in the arena. 0 or -errno (-EINVAL: not a
 * mountinfo).
 */
int mountinfo_read(struct arena *a, int dirfd, const char *path, struct mountinfo **ret,
		   size_t *ret_n) NODISCARD;
