/* SPDX-License-Identifier: Apache-2.0 */
/* confine.c - see confine.h. */
#include "image/unpack/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/mountfd.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define MEMORY_MAX ((rlim_t)4 << 30) /* address space: xz may want dictionaries without end */

/* ---- namespaces ---- */

/* In its own user namespace it is root, over nothing but files of the one who started it. */
static bool map_own_ids(uid_t uid, gid_t gid)
{
	char map[48];
	int r = file_write(AT_FDCWD, "/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (r == 0)
		r = file_write(AT_FDCWD, "/proc/self/uid_map", map);
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	if (r == 0)
		r = file_write(AT_FDCWD, "/proc/self/gid_map", map);
	return r == 0;
}

/* Asked in a child first: a user namespace whose ids cannot be mapped would own nothing. */
static bool enter_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	return unshare(CLONE_NEWUSER) == 0 && map_own_ids(uid, gid) && unshare(NAMESPACES) == 0;
}

void confine_begin(struct confinement *c)
{
	const struct rlimit no_core = { 0, 0 };

	*c = (struct confinement){ .parent = getppid() };
	(void)setsid();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	c->namespaces = unshare(NAMESPACES) == 0 || (errno == EPERM && enter_user_namespace());
	/* nothing of what is mounted here is to be seen outside */
	if (c->namespaces && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		c->namespaces = false;
}

/* ---- the view ---- */

static int make_root(int under)
{
	CLEANUP_FD int fs = sys_fsopen("tmpfs");
	int r = fs < 0 ? fs : sys_fsconfig_create(fs);
	if (r < 0)
		return r;
	CLEANUP_FD int root = sys_fsmount(fs, 0);
	if (root < 0)
		return root;
	r = sys_move_mount(root, "", under, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r < 0)
		return r;
	return fchdir(root) < 0 ? -errno : 0;
}

/* Puts a detached mount at a name of the current directory. flags: MS_* beside the usual ones. */
static int show(int mount_fd, const char *name, unsigned long flags)
{
	flags |= MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC;
	if (mkdir(name, 0700) < 0)
		return -errno;
	int r = sys_move_mount(mount_fd, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);
	if (r == 0 && mount(NULL, name, NULL, flags, NULL) < 0)
		r = -errno;
	return r;
}

/* The current directory becomes "/". pivot_root(2) refuses on an initramfs; there chroot must do. */
static int make_it_root(void)
{
	if (mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV | MS_NOSUID, NULL) <
	    0)
		return -errno;
	if (sys_pivot_root(".", ".") == 0)
		return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
	return chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}

static int reopen(int *fd, const char *path)
{
	fd_close(*fd);
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static int clone_mount(int dir)
{
	return sys_open_tree(dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE);
}

int confine_view(const struct confinement *c, int *work, int *input, struct error *err)
{
	if (!c->namespaces)
		return 0;
	CLEANUP_FD int work_mount = clone_mount(*work);
	CLEANUP_FD int input_mount = *input < 0 ? FD_NONE : clone_mount(*input);
	if (work_mount < 0 || (*input >= 0 && input_mount < 0))
		return 0; /* locked mounts below it, in somebody's user namespace */
	int r = make_root(*work);
	if (r < 0)
		return 0;
	r = show(work_mount, "work", 0);
	if (r == 0 && input_mount >= 0)
		r = show(input_mount, "in", MS_RDONLY);
	if (r == 0)
		r = make_it_root();
	if (r == 0)
		r = reopen(work, "/work");
	if (r == 0 && input_mount >= 0)
		r = reopen(input, "/in");
	return r < 0 ? error_sys(err, -r, "cannot confine contexe-unpack") : 0;
}

/* ---- privileges ---- */

#define CAP(c) ((uint64_t)1 << CAP_##c)

/* SYS_ADMIN: the kernel asks for it before it sets trusted.overlay.opaque (xattr(7)); with the system calls
 * that are left below, it is good for nothing else. */
static const uint64_t caps_rootless = CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(SETFCAP);
static const uint64_t caps_root = CAP(CHOWN) | CAP(MKNOD) | CAP(SYS_ADMIN);

static int keep_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (size_t i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static const int allowed_calls[] = {
	/* files and directories */
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(close),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(getdents64),
	SCMP_SYS(readlinkat),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(utimensat),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	/* the same under the names that other machines have */
	SCMP_SYS(_llseek),
	SCMP_SYS(fcntl64),
	SCMP_SYS(fstat64),
	SCMP_SYS(fstatat64),
	SCMP_SYS(ftruncate64),
	SCMP_SYS(utimensat_time64),
	SCMP_SYS(mmap2),
	/* what old C libraries use on x86 where newer ones use the *at calls */
	SCMP_SYS(rmdir),
	SCMP_SYS(unlink),
	SCMP_SYS(readlink),
	/* memory, time, threads, signals, the end */
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(uname),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getuid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int allow_calls_only(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = filter ? 0 : -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(allowed_calls) && r == 0; i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
		if (r == -EDOM) /* not a call of this architecture */
			r = 0;
	}
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int confine_end(const struct confinement *c, bool rootless, struct error *err)
{
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

	int r = keep_capabilities(caps_rootless | (rootless ? 0 : caps_root));
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
#ifndef __SANITIZE_ADDRESS__
	(void)setrlimit(RLIMIT_AS, &memory);
#else
	(void)memory;
#endif
	/* changed credentials cleared the wish of being told of the parent's death: prctl(2) */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (r == 0 && getppid() != c->parent)
		return error_set(err, EINTR, "interrupted");
	if (r == 0)
		r = allow_calls_only();
	return r < 0 ? error_sys(err, -r, "cannot confine contexe-unpack") : 0;
}
