/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls.h - attacks on what is not the container's own. An attack is a function and a row in a table; what it
 * returns is the verdict: THROUGH (or any number from 0 on), or -errno for how it was refused. main.c runs each in a
 * process of its own.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

/* What there is outside, told by who runs us. 0 or NULL: nothing of that kind was made. */
struct targets {
	pid_t pid;	   /* of a process of the machine, in its numbers */
	pid_t other;	   /* of a process of another container, in the machine's numbers */
	int shm, sem, msg; /* ids of the machine's SysV IPC */
	int key;	   /* and the key of all three */
	int serial;	   /* of a key in a keyring of the machine's root */
	const char *
		name; /* of a queue, shared memory, abstract socket, key, and part of a file's content */
	const char *socket;    /* path of a unix socket of the machine */
	int port;	       /* TCP on 127.0.0.1 */
	unsigned major, minor; /* of the machine's disk */
	const char *host;      /* name of the machine */
};

enum { THROUGH = 0 };

typedef int attack_fn(const struct targets *t);

enum {
	OWN = 1,    /* with all capabilities in a user namespace of one's own this is no attack */
	FILTER = 2, /* only the filter of system calls is in the way, as the documentation says */
};

struct attack {
	const char *name;
	attack_fn *run;
	unsigned flags;
};

/* Each table ends with a row without a name. */
extern const struct attack process_attacks[], ipc_attacks[], kernel_attacks[], file_attacks[],
	proc_attacks[], net_attacks[];

/* The errno of a call that returned r; what came through is THROUGH. */
static inline int verdict(long r)
{
	return r < 0 ? -errno : THROUGH;
}

/*
 * The same for calls where only these refusals show that the wall held: another errno (EINVAL, EFAULT, ENOENT) would mean
 * that the caller had been let in and only the arguments were wrong.
 */
static inline int denied(long r)
{
	if (r >= 0)
		return THROUGH;
	return errno == EPERM || errno == EACCES || errno == ENOSYS || errno == EROFS ? -errno
										      : THROUGH;
}

/* Says what came through, for people. */
void detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
