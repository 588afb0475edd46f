/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside.h - a step aside: a function that runs in a short-lived process which shares our
 * descriptors, but has its own root, directory, credentials and namespaces.
 *
 * On dump: what a socket tells depends on who asks (SO_PEERCRED on the asker's pid and user
 * namespace, sock_diag(7) on the network namespace), and what disturbs it for an instant
 * (TCP_REPAIR, SO_PEEK_OFF) must be put right again even when the engine is killed. The process
 * aside is not: it goes on to its end. On restore: names are bound below another root, connections
 * are made by whom SO_PEERCRED shall tell.
 *
 * The process shares our memory as well, as after vfork(2), and we wait: what fn finds out is
 * simply there afterwards. Signals are blocked meanwhile.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

/* Runs fn(arg) in a process with its own root, directory and credentials. Its result, or -errno. */
int aside_run(int (*fn)(void *arg), void *arg) NODISCARD;

/*
 * The same in the pid, net and user namespaces of a process (host number), where they are not our
 * own. fn may fill err.
 */
int aside_enter(pid_t target, int (*fn)(void *arg, struct error *err), void *arg, struct error *err)
	NODISCARD;

/*
 * As aside_run(), with the given number in the pid namespace that our children are born in; 0, or
 * one that cannot be had: any.
 */
int aside_as(pid_t pid, int (*fn)(void *arg), void *arg) NODISCARD;

/* Takes effective ids for the calling process aside; capabilities stay. -1: as it is. */
void aside_become(int64_t uid, int64_t gid, const uint64_t *groups, size_t n_groups);
