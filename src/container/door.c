/* SPDX-License-Identifier: Apache-2.0 */
/* door.c - see door.h. */
#include "container/door.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "container/ns/ns.h"
#include "sys/clone3.h"

/* The inode of a namespace of a process ("self" or a pid), 0 when it cannot be told. */
static uint64_t ns_inode(const char *process, const struct ns_kind *kind)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, kind->file);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

uint64_t door_differing(pid_t pid)
{
	char process[16];
	uint64_t flags = 0;
	(void)snprintf(process, sizeof(process), "%d", (int)pid);
	for (size_t i = 0; i < NS_KINDS; i++)
		if (ns_inode(process, &ns_kinds[i]) != ns_inode("self", &ns_kinds[i]))
			flags |= ns_kinds[i].flag;
	return flags;
}

static int refused(int e, const char *which, struct error *err)
{
	if (e == ESRCH)
		return error_set(err, ESRCH, "the process is gone");
	return error_sys(err, e, "cannot enter its %s", which);
}

/* What the power that we have now opens; the rest. */
static uint64_t enter_those_open(const struct pidref *target, uint64_t flags)
{
	uint64_t rest = flags;
	for (size_t i = 0; i < NS_KINDS; i++)
		if ((flags & ns_kinds[i].flag) && setns(target->pidfd, (int)ns_kinds[i].flag) == 0)
			rest &= ~ns_kinds[i].flag;
	return rest;
}

int door_enter(const struct pidref *target, uint64_t flags, struct error *err)
{
	const uint64_t user = CLONE_NEWUSER;
	if (!flags || setns(target->pidfd, (int)flags) == 0)
		return 0;
	if (errno != EPERM || !(flags & user))
		return refused(errno, "namespaces", err);
	uint64_t rest = enter_those_open(target, flags & ~user);
	if (setns(target->pidfd, CLONE_NEWUSER) < 0)
		return refused(errno, "user namespace", err);
	if (rest && setns(target->pidfd, (int)rest) < 0)
		return refused(errno, "namespaces", err);
	return 0;
}

bool door_enter_all_but_user(const struct pidref *target)
{
	uint64_t flags = 0;
	for (size_t i = 0; i < NS_KINDS; i++)
		flags |= ns_kinds[i].flag;
	return setns(target->pidfd, (int)(flags & ~(uint64_t)CLONE_NEWUSER)) == 0;
}
