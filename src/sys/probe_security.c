/* SPDX-License-Identifier: Apache-2.0 */
/* probe_security.c - probes of the walls: seccomp, eBPF, LSMs, and the id-map programs; see probe.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/bpf.h"
#include "sys/probe.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#define LANDLOCK_ASK_VERSION 1u

/* --- seccomp --- */

/* A filter that lets everything pass but getppid(2). 0 or a descriptor, or -errno. */
static int filter_getppid(uint32_t action, unsigned int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return r < 0 ? -errno : (int)r;
}

static int seccomp_filter(void)
{
	int r = filter_getppid(SECCOMP_RET_ERRNO | ENOTNAM, 0);
	if (r < 0)
		return r;
	return syscall(SYS_getppid) == -1 && errno == ENOTNAM ? 0 : -ENOSYS;
}

int probe_seccomp(void)
{
	return probe_in_child(seccomp_filter, 0);
}

static int seccomp_listener(void)
{
	CLEANUP_FD int fd =
		filter_getppid(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	return fd < 0 ? fd : 0;
}

int probe_seccomp_notify(void)
{
	return probe_in_child(seccomp_listener, 0);
}

/* --- the rest of the kernel's --- */

/* "return 1": every device allowed. It is loaded, attached nowhere, and gone with its descriptor. */
int probe_bpf_device(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	CLEANUP_FD int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, "probe",
					  code, ARRAY_SIZE(code), NULL, 0);
	return fd < 0 ? fd : 0;
}

int probe_landlock(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_ASK_VERSION);
	return version < 0 ? -errno : version >= 1 ? 0 : -ENOSYS;
}

int probe_apparmor(void)
{
	char enabled[8];
	ssize_t n = file_read_line(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", enabled,
				   sizeof(enabled));
	return n < 0 ? (int)n : enabled[0] == 'Y' ? 0 : -EOPNOTSUPP;
}

/* selinuxfs is mounted where, and only where, SELinux is on. */
int probe_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) < 0 ? -errno : 0;
}

/* --- programs that map more ids than a user's own --- */

/* Whether a program gains privilege when executed: setuid, or capabilities on the file. */
static int gains_privilege(const char *path, const struct stat *st)
{
	if (st->st_mode & S_ISUID)
		return 0;
	return getxattr(path, "security.capability", NULL, 0) > 0 ? 0 : -EPERM;
}

/* Looks at the first of that name in PATH, as a shell would find it. */
static int find_program(const char *name)
{
	const char *dirs = getenv("PATH");
	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	while (*dirs) {
		size_t n = strcspn(dirs, ":");
		char path[PATH_MAX];
		struct stat st;
		int len = snprintf(path, sizeof(path), "%.*s/%s", (int)n, dirs, name);
		if (n > 0 && len > 0 && (size_t)len < sizeof(path) && stat(path, &st) == 0 &&
		    S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return gains_privilege(path, &st);
		dirs += n + (dirs[n] == ':');
	}
	return -ENOENT;
}

int probe_newuidmap(void)
{
	return find_program("newuidmap");
}

int probe_newgidmap(void)
{
	return find_program("newgidmap");
}
