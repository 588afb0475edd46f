/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - attacks on files outside: devices made and opened, mounts made and taken away, ways out of the root, files by
 * handle, namespaces of others.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "walls.h"

/* ---- devices ---- */

static int make_and_open(mode_t type, unsigned major, unsigned minor)
{
	static const char *const places[] = { "/tmp/node", "/dev/shm/node", "/dev/node" };
	int r = -ENOENT;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		(void)unlink(places[i]);
		if (mknod(places[i], type | 0666, makedev(major, minor)) < 0) {
			r = -errno;
			continue;
		}
		int fd = open(places[i], O_RDONLY | O_NONBLOCK);
		r = fd < 0 ? -errno : THROUGH;
		(void)unlink(places[i]);
		if (r == THROUGH)
			return r;
	}
	return r;
}
static int attack_disk(const struct targets *t)
{
	return make_and_open(S_IFBLK, t->major, t->minor);
}
#define NODE(name, type, major, minor)                                                             \
	static int attack_node_##name(const struct targets *t)                                     \
	{                                                                                          \
		(void)t;                                                                           \
		return make_and_open(type, major, minor);                                          \
	}
NODE(mem, S_IFCHR, 1, 1)
NODE(port, S_IFCHR, 1, 4)
NODE(kmsg, S_IFCHR, 1, 11)
NODE(tty1, S_IFCHR, 4, 1)
NODE(console, S_IFCHR, 5, 1)
NODE(fuse, S_IFCHR, 10, 229)
NODE(tun, S_IFCHR, 10, 200)
NODE(kvm, S_IFCHR, 10, 232)
NODE(rtc, S_IFCHR, 254, 0)
NODE(loop_control, S_IFCHR, 10, 237)
NODE(device_mapper, S_IFCHR, 10, 236)
NODE(loop, S_IFBLK, 7, 0)

/* All nodes that are in /dev, and what should not be: none but the harmless ones opens. */
static int attack_dev_entries(const struct targets *t)
{
	static const char *const good[] = { "null",    "zero",	"full",	  "random", "urandom",
					    "tty",     "ptmx",	"pts",	  "shm",    "mqueue",
					    "fd",      "stdin", "stdout", "stderr", "core",
					    "console", ".",	".." };
	DIR *dir = opendir("/dev");
	(void)t;
	for (struct dirent *de; dir && (de = readdir(dir));) {
		int known = 0;
		for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
			known |= !strcmp(de->d_name, good[i]);
		if (!known) {
			detail("/dev/%s", de->d_name);
			return THROUGH;
		}
	}
	return -ENOENT;
}
static int attack_core_link(const struct targets *t)
{
	char byte;
	int fd = open("/dev/core", O_RDONLY);
	(void)t;
	return fd < 0 ? -errno : read(fd, &byte, 1) > 0 ? THROUGH : -ENODATA;
}
static int attack_tty_console(const struct targets *t)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	(void)t;
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return -errno;
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	return slave < 0 ? -errno : denied(ioctl(slave, TIOCCONS, NULL));
}
/* Words put into the mouth of whoever gave us the terminal, and the selection of a virtual one. */
static int attack_tty_inject(const struct targets *t)
{
	(void)t;
	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCSTI, "x") == 0)
			return THROUGH;
	return -errno;
}
static int attack_tty_linux(const struct targets *t)
{
	char what[2] = { 2 };
	(void)t;
	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCLINUX, what) == 0)
			return THROUGH;
	return -errno;
}
static int attack_tty_steal(const struct targets *t)
{
	(void)t;
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd) && setsid() > 0 && ioctl(fd, TIOCSCTTY, 1) == 0)
			return THROUGH;
	return -ENOTTY;
}

/* ---- mounts ---- */

static int mount_type(const char *type, const char *options)
{
	(void)mkdir("/tmp/m", 0755);
	int r = verdict(mount(type, "/tmp/m", type, 0, options));
	if (r == THROUGH)
		(void)umount2("/tmp/m", MNT_DETACH);
	return r;
}
#define MOUNT(name, type, options)                                                                 \
	static int attack_mount_##name(const struct targets *t)                                    \
	{                                                                                          \
		(void)t;                                                                           \
		return mount_type(type, options);                                                  \
	}
MOUNT(tmpfs, "tmpfs", "")
MOUNT(proc, "proc", "")
MOUNT(sysfs, "sysfs", "")
MOUNT(devtmpfs, "devtmpfs", "")
MOUNT(debugfs, "debugfs", "")
MOUNT(tracefs, "tracefs", "")
MOUNT(securityfs, "securityfs", "")
MOUNT(configfs, "configfs", "")
MOUNT(bpf, "bpf", "")
MOUNT(pstore, "pstore", "")
MOUNT(efivarfs, "efivarfs", "")
MOUNT(binfmt, "binfmt_misc", "")
MOUNT(cgroup, "cgroup", "memory")
MOUNT(cgroup_named, "cgroup", "none,name=wall")
MOUNT(cgroup2, "cgroup2", "")
MOUNT(nfsd, "nfsd", "")

static int attack_mount_disk(const struct targets *t)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/tmp/disk");
	(void)mkdir("/tmp/m", 0755);
	(void)mknod(path, S_IFBLK | 0600, makedev(t->major, t->minor));
	return verdict(mount(path, "/tmp/m", "ext4", MS_RDONLY, ""));
}
static int attack_bind(const struct targets *t)
{
	(void)t;
	(void)mkdir("/tmp/m", 0755);
	return verdict(mount("/", "/tmp/m", NULL, MS_BIND, NULL));
}
static int attack_move(const struct targets *t)
{
	(void)t;
	(void)mkdir("/tmp/m", 0755);
	return verdict(mount("/proc", "/tmp/m", NULL, MS_MOVE, NULL));
}
/* What hides or forbids something cannot be lifted, whatever capabilities one has in one's own namespace. */
static int attack_remount_sys(const struct targets *t)
{
	(void)t;
	return verdict(mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
}
static int attack_remount_proc_sys(const struct targets *t)
{
	(void)t;
	return verdict(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
}
static int attack_unmount_mask(const struct targets *t)
{
	(void)t;
	return verdict(umount2("/proc/kcore", MNT_DETACH));
}
static int attack_unmount_proc_sys(const struct targets *t)
{
	(void)t;
	return verdict(umount2("/proc/sys", MNT_DETACH));
}
static int attack_setattr(const struct targets *t)
{
	struct mount_attr a = { .attr_clr = MOUNT_ATTR_RDONLY };
	(void)t;
	return verdict(syscall(442, AT_FDCWD, "/proc/sys", 0, &a, sizeof(a)));
}
static int attack_open_tree(const struct targets *t)
{
	(void)t;
	return verdict(syscall(428, AT_FDCWD, "/", 1 | O_CLOEXEC));
}
static int attack_fsopen(const struct targets *t)
{
	(void)t;
	return verdict(syscall(430, "proc", 0));
}
static int attack_pivot(const struct targets *t)
{
	(void)t;
	return verdict(syscall(SYS_pivot_root, ".", "."));
}

/* ---- out of the root ---- */

static int same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A directory that is open when the root becomes another lies outside of it: up from there. */
static int attack_chroot(const struct targets *t)
{
	struct stat root, now;
	(void)t;
	if (stat("/", &root) < 0)
		return -errno;
	(void)mkdir("/tmp/jail", 0755);
	int out = open("/", O_RDONLY | O_DIRECTORY);
	if (chroot("/tmp/jail") < 0)
		return -errno;
	if (fchdir(out) < 0)
		return -errno;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -errno;
	if (stat(".", &now) < 0)
		return -errno;
	return same(&root, &now) ? -EXDEV : THROUGH;
}
static int attack_dotdot(const struct targets *t)
{
	struct stat root, now;
	(void)t;
	if (stat("/", &root) < 0 || chdir("/") < 0)
		return -errno;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -errno;
	return stat(".", &now) == 0 && same(&root, &now) ? -EXDEV : THROUGH;
}
static int attack_magic_links(const struct targets *t)
{
	static const char *const links[] = { "/proc/1/root", "/proc/1/cwd", "/proc/self/root/..",
					     "/proc/thread-self/cwd/../../../.." };
	struct stat root, now;
	(void)t;
	(void)stat("/", &root);
	if (chdir("/") < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (stat(links[i], &now) == 0 && !same(&root, &now)) {
			detail("%s", links[i]);
			return THROUGH;
		}
	return -EXDEV;
}

/* Files by number, which no root bounds: the root directory of ext4 is inode 2. */
static int attack_handle(const struct targets *t)
{
	struct {
		struct file_handle h;
		unsigned data[2];
	} f = { .h = { .handle_bytes = 8, .handle_type = 1 }, .data = { 2, 0 } };
	static const char *const places[] = { "/", "/etc/hostname", "/mnt", "/proc", "/dev/shm" };
	int last = EPERM;
	(void)t;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int at = open(places[i], O_RDONLY);
		if (at < 0)
			continue;
		int fd = open_by_handle_at(at, &f.h, O_RDONLY);
		if (fd >= 0) {
			detail("through %s", places[i]);
			return THROUGH;
		}
		last = errno;
	}
	return -last;
}
static int attack_immutable(const struct targets *t)
{
	int flags = FS_IMMUTABLE_FL, fd = open("/tmp/immutable", O_CREAT | O_RDWR, 0600);
	(void)t;
	return verdict(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}
/* Thaws what is not frozen: only the permission is of interest. */
static int attack_freeze(const struct targets *t)
{
	int fd = open("/mnt", O_RDONLY); /* the volume, which is the machine's */
	(void)t;
	return denied(ioctl(fd, FITHAW, 0));
}

/* ---- namespaces ---- */

/* Those that can be found in /proc are our own; joining one of another is getting out. */
static int attack_setns(const struct targets *t)
{
	static const char *const names[] = { "user", "mnt", "pid",    "net",
					     "ipc",  "uts", "cgroup", "time" };
	struct stat own, other;
	(void)t;
	for (pid_t p = 1; p < 4096; p++)
		for (size_t i = 0; i < 8; i++) {
			char path[64], mine[64];
			(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", p, names[i]);
			(void)snprintf(mine, sizeof(mine), "/proc/self/ns/%s", names[i]);
			if (stat(path, &other) < 0 || stat(mine, &own) < 0 || same(&own, &other))
				continue;
			int fd = open(path, O_RDONLY);
			if (fd >= 0 && setns(fd, 0) == 0) {
				detail("%s", path);
				return THROUGH;
			}
		}
	return -ESRCH;
}
static int attack_ns_parent(const struct targets *t)
{
	int fd = open("/proc/self/ns/pid", O_RDONLY);
	(void)t;
	return fd < 0 ? -errno : verdict(ioctl(fd, NS_GET_PARENT));
}
static int attack_userns_parent(const struct targets *t)
{
	int fd = open("/proc/self/ns/user", O_RDONLY);
	(void)t;
	return fd < 0 ? -errno : verdict(ioctl(fd, NS_GET_PARENT));
}
/* From one mount namespace to the next: NS_MNT_GET_NEXT, Linux 6.12. */
static int attack_ns_next(const struct targets *t)
{
	char info[16] = { 16 };
	int fd = open("/proc/self/ns/mnt", O_RDONLY);
	(void)t;
	if (fd < 0)
		return -errno;
	int next = ioctl(fd, _IOR(0xb7, 11, char[16]), info);
	int before = ioctl(fd, _IOR(0xb7, 12, char[16]), info);
	return next >= 0 || before >= 0 ? THROUGH : -errno;
}
/* The mounts of other namespaces, whose ids are counted up: listmount(2), Linux 6.11. */
static int attack_listmount(const struct targets *t)
{
	unsigned long long own = 0, found[8];
	struct {
		unsigned size, spare;
		unsigned long long mnt_id, param, mnt_ns_id;
	} req = { .size = sizeof(req), .mnt_id = ~0ULL };
	int last = ENOENT, fd = open("/proc/self/ns/mnt", O_RDONLY);
	(void)t;
	if (fd < 0 || ioctl(fd, _IOR(0xb7, 5, unsigned long long), &own) < 0)
		return -errno;
	for (unsigned long long id = own > 20000 ? own - 20000 : 1; id < own + 2000; id++) {
		req.mnt_ns_id = id;
		if (id == own)
			continue;
		if (syscall(458, &req, found, 8, 0) >= 0) {
			detail("of the namespace %llu, we are in %llu", id, own);
			return THROUGH;
		}
		last = errno;
	}
	return -last;
}
static int attack_watch(const struct targets *t)
{
	int fd = inotify_init();
	(void)t;
	return fd < 0 ? -errno : verdict(inotify_add_watch(fd, "/proc/1/root/..", IN_ALL_EVENTS));
}
static int unshared(int flag)
{
	return verdict(unshare(flag));
}
static int attack_unshare_user(const struct targets *t)
{
	(void)t;
	return unshared(CLONE_NEWUSER);
}
static int attack_unshare_mount(const struct targets *t)
{
	(void)t;
	return unshared(CLONE_NEWNS);
}
static int attack_unshare_cgroup(const struct targets *t)
{
	(void)t;
	return unshared(CLONE_NEWCGROUP);
}
static int attack_clone_user(const struct targets *t)
{
	(void)t;
	long r = syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0);
	if (r == 0)
		_exit(0);
	return verdict(r);
}
/* CVE-2022-0492: a hierarchy mounted in a user namespace of one's own, and its release_agent. */
static int attack_release_agent_userns(const struct targets *t)
{
	(void)t;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0)
		return -errno;
	(void)mkdir("/tmp/m", 0755);
	if (mount("cgroup", "/tmp/m", "cgroup", 0, "memory") < 0 &&
	    mount("cgroup", "/tmp/m", "cgroup", 0, "rdma") < 0)
		return -errno;
	return verdict(open("/tmp/m/release_agent", O_WRONLY));
}
static int attack_uid_map(const struct targets *t)
{
	int fd = open("/proc/self/uid_map", O_WRONLY);
	(void)t;
	return fd < 0 ? -errno : verdict(write(fd, "0 0 1\n", 6));
}

const struct attack file_attacks[] = {
	{ "node-disk", attack_disk, 0 },
	{ "node-mem", attack_node_mem, 0 },
	{ "node-port", attack_node_port, 0 },
	{ "node-kmsg", attack_node_kmsg, 0 },
	{ "node-tty1", attack_node_tty1, 0 },
	{ "node-console", attack_node_console, 0 },
	{ "node-fuse", attack_node_fuse, 0 },
	{ "node-tun", attack_node_tun, 0 },
	{ "node-kvm", attack_node_kvm, 0 },
	{ "node-rtc", attack_node_rtc, 0 },
	{ "node-loop-control", attack_node_loop_control, 0 },
	{ "node-device-mapper", attack_node_device_mapper, 0 },
	{ "node-loop", attack_node_loop, 0 },
	{ "dev-entries", attack_dev_entries, 0 },
	{ "dev-core", attack_core_link, 0 },
	{ "tty-console", attack_tty_console, 0 },
	{ "tty-inject", attack_tty_inject, 0 },
	{ "tty-linux", attack_tty_linux, 0 },
	{ "tty-steal", attack_tty_steal, 0 },
	{ "mount-tmpfs", attack_mount_tmpfs, OWN },
	{ "mount-proc", attack_mount_proc, OWN },
	{ "mount-sysfs", attack_mount_sysfs, OWN },
	{ "mount-devtmpfs", attack_mount_devtmpfs, 0 },
	{ "mount-debugfs", attack_mount_debugfs, 0 },
	{ "mount-tracefs", attack_mount_tracefs, 0 },
	{ "mount-securityfs", attack_mount_securityfs, 0 },
	{ "mount-configfs", attack_mount_configfs, 0 },
	{ "mount-bpf", attack_mount_bpf, OWN },
	{ "mount-pstore", attack_mount_pstore, 0 },
	{ "mount-efivarfs", attack_mount_efivarfs, 0 },
	{ "mount-binfmt-misc", attack_mount_binfmt, OWN },
	{ "mount-cgroup", attack_mount_cgroup, OWN },
	{ "mount-cgroup-named", attack_mount_cgroup_named, 0 },
	{ "mount-cgroup2", attack_mount_cgroup2, OWN },
	{ "mount-nfsd", attack_mount_nfsd, 0 },
	{ "mount-disk", attack_mount_disk, 0 },
	{ "bind", attack_bind, OWN },
	{ "move-mount", attack_move, OWN },
	{ "remount-sys", attack_remount_sys, OWN },
	{ "remount-proc-sys", attack_remount_proc_sys, OWN },
	{ "unmount-mask", attack_unmount_mask, OWN },
	{ "unmount-proc-sys", attack_unmount_proc_sys, OWN },
	{ "mount-setattr", attack_setattr, OWN },
	{ "open-tree", attack_open_tree, OWN },
	{ "fsopen", attack_fsopen, OWN },
	{ "pivot-root", attack_pivot, OWN },
	{ "chroot", attack_chroot, 0 },
	{ "dotdot", attack_dotdot, 0 },
	{ "magic-links", attack_magic_links, 0 },
	{ "open-by-handle", attack_handle, 0 },
	{ "immutable", attack_immutable, 0 },
	{ "freeze", attack_freeze, 0 },
	{ "setns", attack_setns, 0 },
	{ "ns-parent", attack_ns_parent, 0 },
	{ "userns-parent", attack_userns_parent, 0 },
	{ "ns-next", attack_ns_next, 0 },
	{ "listmount", attack_listmount, FILTER },
	{ "inotify", attack_watch, OWN },
	{ "unshare-user", attack_unshare_user, OWN | FILTER },
	{ "unshare-mount", attack_unshare_mount, OWN },
	{ "unshare-cgroup", attack_unshare_cgroup, OWN },
	{ "clone-user", attack_clone_user, OWN | FILTER },
	{ "release-agent-userns", attack_release_agent_userns, 0 },
	{ "uid-map", attack_uid_map, 0 },
	{ NULL, NULL, 0 },
};
