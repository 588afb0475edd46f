/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr.c - attributes and propagation of mounts held by descriptor: mount_setattr(2), or mount(2) on
 * /proc/self/fd/N where the kernel has none (before Linux 5.12) or a filter denies it.
 */
#include "container/rootfs/tree.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "sys/mountfd.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 8192
#endif

/* The same thing in the words of mount_setattr(2), mount(2) and statfs(2). */
static const struct {
	uint64_t attr;
	unsigned long ms, st;
} words[] = {
	{ MOUNT_ATTR_RDONLY, MS_RDONLY, ST_RDONLY },
	{ MOUNT_ATTR_NOSUID, MS_NOSUID, ST_NOSUID },
	{ MOUNT_ATTR_NODEV, MS_NODEV, ST_NODEV },
	{ MOUNT_ATTR_NOEXEC, MS_NOEXEC, ST_NOEXEC },
	{ MOUNT_ATTR_NOATIME, MS_NOATIME, ST_NOATIME },
	{ MOUNT_ATTR_STRICTATIME, MS_STRICTATIME, 0 },
	{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, ST_NODIRATIME },
	{ MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW, ST_NOSYMFOLLOW },
};

unsigned long attr_to_ms(uint64_t attr)
{
	unsigned long ms = 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (attr & words[i].attr)
			ms |= words[i].ms;
	return ms;
}

/* The attributes a mount has now. (A read-only file system looks like a read-only mount.) */
static int attr_read(int mnt, uint64_t *ret)
{
	struct statvfs st;
	if (fstatvfs(mnt, &st) < 0)
		return -errno;
	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (st.f_flag & words[i].st)
			*ret |= words[i].attr;
	return 0;
}

static int attr_apply_old(int mnt, const struct attr_change *c)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", mnt);

	if (c->set | c->clear) {
		if (c->recursive) /* mount(2) knows no recursive attributes */
			return -ENOSYS;
		uint64_t now;
		int r = attr_read(mnt, &now);
		if (r < 0)
			return r;
		unsigned long flags = attr_to_ms((now & ~c->clear) | c->set);
		if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
			return -errno;
	}
	if (c->propagation) {
		unsigned long flags = c->propagation | (c->recursive ? MS_REC : 0UL);
		if (mount(NULL, path, NULL, flags, NULL) < 0)
			return -errno;
	}
	return 0;
}

int attr_apply(int mnt, const struct attr_change *c)
{
	if (!(c->set | c->clear | c->propagation))
		return 0;
	struct mount_attr attr = { .attr_set = c->set,
				   .attr_clr = c->clear,
				   .propagation = c->propagation };
	unsigned flags = AT_EMPTY_PATH | (c->recursive ? AT_RECURSIVE : 0);
	int r = sys_mount_setattr(mnt, "", flags, &attr);
	return r == -ENOSYS ? attr_apply_old(mnt, c) : r;
}

/*
 * In a user namespace, what the owner of the mount has forbidden is locked and cannot be allowed again
 * (mount_namespaces(7)). Restrictions then stay although op asked to lift them. Only "rw" is not
 * given up quietly: who asked to write must hear that he cannot.
 */
static int attr_apply_locked(int mnt, struct attr_change c)
{
	uint64_t now;
	int r = attr_read(mnt, &now);
	if (r < 0)
		return r;
	if (c.clear & now & MOUNT_ATTR_RDONLY)
		return -EROFS;
	uint64_t stay = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			MOUNT_ATTR_NODIRATIME | MOUNT_ATTR__ATIME;
	c.clear &= ~stay;
	c.set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	return attr_apply(mnt, &c);
}

static int explain(int r, struct error *err)
{
	switch (r) {
	case -EROFS:
		error_set(err, EROFS,
			  "the source is mounted read-only by someone this user namespace cannot "
			  "overrule");
		return error_hint(err, "ask for \"ro\", or for neither");
	case -ENOSYS:
		error_set(err, ENOSYS, "recursive mount attributes need Linux 5.12");
		return error_hint(err, "use the plain option instead (ro for rro)");
	case -EINVAL:
		return error_sys(err, EINVAL, "the kernel refuses these mount options here");
	}
	return error_sys(err, -r, "cannot change the mount's attributes");
}

int attr_apply_op(const struct tree *t, int mnt, const struct mount_op *op, struct error *err)
{
	struct attr_change one = { .set = op->attr_set, .clear = op->attr_clear };
	struct attr_change all = { .set = op->rattr_set, .clear = op->rattr_clear };
	if (op->propagation)
		*(op->propagation_rec ? &all.propagation : &one.propagation) = op->propagation;
	else if (op->kind == MOUNT_BIND && !op->remount)
		all.propagation = MS_PRIVATE;
	all.recursive = op->recursive || op->remount;
	if (!all.recursive) { /* a single mount: one call */
		one.set |= all.set;
		one.clear |= all.clear;
		one.propagation |= all.propagation;
		all = (struct attr_change){ 0 };
	}
	const struct attr_change *changes[] = { &all, &one };
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		int r = attr_apply(mnt, changes[i]);
		if (r == -EPERM && t->plan->userns)
			r = attr_apply_locked(mnt, *changes[i]);
		if (r < 0)
			return explain(r, err);
	}
	return 0;
}
