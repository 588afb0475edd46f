/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidref.h - a process that cannot be mistaken for another: its number, its start time and, while it is
 * looked at, a pidfd. The number alone is reused by the kernel; number + start time (clock ticks since
 * boot, field 22 of /proc/PID/stat) is unique within a boot.
 *
 * Special states: PIDREF_NONE (pid 0): no process. A pidref without pidfd (pidfd < 0) is only a name
 * read from disk; pidref_open() turns it into a live one or tells that the process is gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

struct pidref {
	pid_t pid;	/* 0: none */
	int pidfd;	/* -EBADF: not opened */
	uint64_t start; /* clock ticks since boot; 0: not known */
};

#define PIDREF_NONE    ((struct pidref){ .pid = 0, .pidfd = -EBADF, .start = 0 })
#define CLEANUP_PIDREF CLEANUP(pidref_done)

static inline bool pidref_is_set(const struct pidref *p)
{
	return p->pid > 0;
}

/* Fills in pid, start and pidfd of a living process of this pid namespace. 0, -ESRCH or -errno. */
int pidref_from_pid(pid_t pid, struct pidref *ret) NODISCARD;

/* The same from a pidfd, which it takes over (closed on failure). The pid is this namespace's. */
int pidref_from_pidfd(int pidfd, struct pidref *ret) NODISCARD;

/* Opens the pidfd and checks the start time. 0, -ESRCH when it is gone or another one, or -errno. */
int pidref_open(struct pidref *p) NODISCARD;

/* Whether that very process still exists (a zombie does not count). */
bool pidref_alive(const struct pidref *p);

/* Sends a signal through the pidfd, opening it first if need be. 0 or -errno. */
int pidref_kill(struct pidref *p, int sig) NODISCARD;

/* Closes the pidfd; the numbers stay. */
void pidref_done(struct pidref *p);

/* Start time of a process in clock ticks since boot; 0 when there is none. *ret_state: its state letter. */
uint64_t pid_start_time(pid_t pid, char *ret_state);

/* The id of this boot (/proc/sys/kernel/random/boot_id), "" when it cannot be read. */
const char *boot_id(void);
