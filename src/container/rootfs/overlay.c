/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.c - an overlay of directories that are held by descriptor, attached to a directory.
 *
 * Layers are handed to the kernel as descriptors (fsconfig "lowerdir+" with FSCONFIG_SET_FD, Linux 6.13), so
 * that their paths are neither resolved twice, nor escaped, nor too long. An older kernel gets them by
 * mount(2) as names in /proc/self/fd, which is made the working directory for that: "12:13:14" needs no
 * escapes, and the 500 layers that overlayfs allows fit the one page that mount(2) takes.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "sys/mountfd.h"

static const struct {
	int errnum;
	const char *why, *hint;
} reasons[] = {
	{ ENODEV, "this kernel has no overlay file system", "load it: modprobe overlay" },
	{ EPERM, "an overlay may not be mounted here", "in a user namespace it needs Linux 5.11" },
	{ EINVAL, "the kernel refuses these layers",
	  "upper and work must be empty or of an earlier overlay, on one file system that is no "
	  "overlay itself" },
	{ EBUSY, "the upper or work directory is used by another overlay",
	  "end the container that uses it" },
};

/* The kernel's own words, where it has any (fs >= 0), go before ours. */
static int explain(int fs, int errnum, struct error *err)
{
	char text[256];
	bool told = fs >= 0 && fs_complaint(fs, text, sizeof(text));

	if (told)
		error_set(err, errnum, "the kernel says \"%s\"", text);
	else
		error_sys(err, errnum, "cannot make the overlay");
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].errnum != errnum)
			continue;
		if (!told)
			error_set(err, errnum, "%s", reasons[i].why);
		error_hint(err, "%s", reasons[i].hint);
	}
	return -errnum;
}

static int set_layers(int fs, const struct overlay *o)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < o->n_lower; i++)
		r = sys_fsconfig_fd(fs, "lowerdir+", o->lower[i]);
	if (r == 0 && o->upper >= 0)
		r = sys_fsconfig_fd(fs, "upperdir", o->upper);
	if (r == 0 && o->upper >= 0)
		r = sys_fsconfig_fd(fs, "workdir", o->work);
	return r;
}

static int set_rest(int fs, const struct overlay *o)
{
	int r = sys_fsconfig_string(fs, "source", "overlay");
	if (r == 0 && o->userns)
		r = sys_fsconfig_flag(fs, "userxattr");
	if (r == 0 && o->label && *o->label)
		r = sys_fsconfig_string(fs, "context", o->label);
	return r == 0 ? sys_fsconfig_create(fs) : r;
}

/* A detached mount; -ENOSYS when this kernel does not take descriptors; or -errno with err filled. */
static int make_by_fd(const struct overlay *o, struct error *err)
{
	CLEANUP_FD int fs = sys_fsopen("overlay");
	if (fs < 0)
		return fs == -ENOSYS || fs == -EPERM ? -ENOSYS : explain(-1, -fs, err);
	if (set_layers(fs, o) < 0)
		return -ENOSYS; /* EBADF or EINVAL, by age; a real fault shows again in mount(2) */
	int r = set_rest(fs, o);
	if (r < 0)
		return explain(fs, -r, err);
	int mnt = sys_fsmount(fs, 0);
	return mnt >= 0 ? mnt : explain(fs, -mnt, err);
}

static void options_by_name(const struct overlay *o, struct buf *out)
{
	buf_puts(out, "lowerdir=");
	for (size_t i = 0; i < o->n_lower; i++)
		buf_printf(out, "%s%d", i ? ":" : "", o->lower[i]);
	if (o->upper >= 0)
		buf_printf(out, ",upperdir=%d,workdir=%d", o->upper, o->work);
	if (o->userns)
		buf_puts(out, ",userxattr");
	if (o->label && *o->label)
		buf_printf(out, ",context=\"%s\"", o->label);
}

static int mount_by_name(const struct overlay *o, int at)
{
	CLEANUP_BUF struct buf options = BUF_INIT;
	char target[16];

	options_by_name(o, &options);
	(void)snprintf(target, sizeof(target), "%d", at);
	CLEANUP_FD int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || chdir("/proc/self/fd") < 0)
		return -errno;
	int r = mount("overlay", target, "overlay", 0, buf_str(&options)) < 0 ? -errno : 0;
	return fchdir(here) < 0 ? -errno : r;
}

static int attach_by_name(const struct overlay *o, int at, struct error *err)
{
	int r = mount_by_name(o, at);
	if (r < 0)
		return explain(-1, -r, err);
	int root = destination_cover(at);
	return root >= 0 ? root : error_sys(err, -root, "cannot open the overlay");
}

int overlay_attach(const struct overlay *o, int at, struct error *err)
{
	CLEANUP_FD int mnt = make_by_fd(o, err);
	if (mnt == -ENOSYS)
		return attach_by_name(o, at, err);
	if (mnt < 0)
		return mnt;
	int r = destination_attach(mnt, at, err);
	return r < 0 ? r : take_fd(&mnt);
}
