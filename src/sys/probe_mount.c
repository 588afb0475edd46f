/* SPDX-License-Identifier: Apache-2.0 */
/* probe_mount.c - probes of paths, mounts and file systems; see probe.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/clone3.h"
#include "sys/mountfd.h"
#include "sys/openat2.h"
#include "sys/probe.h"

int probe_openat2(void)
{
	/* not even ".." leads out of what is given as the root */
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	CLEANUP_FD int fd = sys_openat2(proc, "../..", O_PATH, 0, RESOLVE_IN_ROOT);
	struct stat in, out;
	if (fd < 0)
		return fd;
	if (fstat(proc, &in) < 0 || fstat(fd, &out) < 0)
		return -errno;
	return in.st_dev == out.st_dev && in.st_ino == out.st_ino ? 0 : -ENOSYS;
}

/* A tmpfs that is mounted nowhere. Descriptor or -errno. */
static int detached_tmpfs(void)
{
	CLEANUP_FD int fs = sys_fsopen("tmpfs");
	if (fs < 0)
		return fs;
	int r = sys_fsconfig_create(fs);
	return r < 0 ? r : sys_fsmount(fs, 0);
}

static int mount_api(void)
{
	CLEANUP_FD int tmpfs = detached_tmpfs();
	if (tmpfs < 0)
		return tmpfs;
	int r = sys_move_mount(tmpfs, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return r;
	CLEANUP_FD int copy = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE);
	return copy < 0 ? copy : 0;
}

int probe_mount_api(void)
{
	return probe_in_child(mount_api, CLONE_NEWNS);
}

static int mount_setattr_readonly(void)
{
	CLEANUP_FD int tmpfs = detached_tmpfs();
	if (tmpfs < 0)
		return tmpfs;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = sys_mount_setattr(tmpfs, "", AT_EMPTY_PATH, &attr);
	if (r < 0)
		return r;
	if (mkdirat(tmpfs, "d", 0700) == 0)
		return -ENOSYS;
	return errno == EROFS ? 0 : -errno;
}

int probe_mount_setattr(void)
{
	return probe_in_child(mount_setattr_readonly, CLONE_NEWNS);
}

/* --- id-mapped mounts --- */

/* A user namespace in which 0 is 100000, held by a process that sleeps. Descriptor or -errno. */
static int mapped_userns(pid_t *ret_holder)
{
	pid_t pid = sys_fork(CLONE_NEWUSER, -1, NULL);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(5);
		for (;;)
			(void)pause();
	}
	if (pid < 0)
		return pid;
	*ret_holder = pid;
	char path[40];
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	int r = file_write(AT_FDCWD, path, "0 100000 65536\n");
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	if (r == 0)
		r = file_write(AT_FDCWD, path, "0 100000 65536\n");
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Which file systems can be mapped is up to each of them: the common places, then tmpfs (6.3). */
static int idmap_any(int userns)
{
	static const char *const places[] = { "/", "/var", "/home", NULL };
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };
	int r = -ENOSYS;
	for (size_t i = 0; i < ARRAY_SIZE(places) && r < 0; i++) {
		CLEANUP_FD int tree = places[i]
					      ? sys_open_tree(AT_FDCWD, places[i], OPEN_TREE_CLONE)
					      : detached_tmpfs();
		int now = tree < 0 ? tree : sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr);
		if (now != -ENOENT)
			r = now;
	}
	return r;
}

static int idmap(void)
{
	pid_t holder = 0;
	CLEANUP_FD int userns = mapped_userns(&holder);
	int r = userns < 0 ? userns : idmap_any(userns);
	if (holder > 0) {
		(void)kill(holder, SIGKILL);
		(void)probe_wait(holder);
	}
	return r;
}

int probe_idmap(void)
{
	return probe_in_child(idmap, CLONE_NEWNS);
}

/* --- overlayfs --- */

/* /proc is the one directory that is there for sure; in this mount namespace it is ours. */
static int overlay_on_tmpfs(const char *options)
{
	if (mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0 || chdir("/proc") < 0 ||
	    mkdir("lower", 0700) < 0 || mkdir("upper", 0700) < 0 || mkdir("work", 0700) < 0 ||
	    mkdir("merged", 0700) < 0 || mount("overlay", "merged", "overlay", 0, options) < 0 ||
	    mkdir("merged/new", 0700) < 0 || access("upper/new", F_OK) < 0)
		return -errno;
	return 0;
}

static int overlay_userns(void)
{
	int r = probe_enter_userns(CLONE_NEWNS);
	return r < 0 ? r : overlay_on_tmpfs("lowerdir=lower,upperdir=upper,workdir=work,userxattr");
}

int probe_overlay_userns(void)
{
	return probe_in_child(overlay_userns, 0);
}

static int overlay(void)
{
	return overlay_on_tmpfs("lowerdir=lower,upperdir=upper,workdir=work");
}

int probe_overlay(void)
{
	return geteuid() == 0 ? probe_in_child(overlay, CLONE_NEWNS) : probe_overlay_userns();
}

int probe_fuse(void)
{
	CLEANUP_FD int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}
