/* SPDX-License-Identifier: Apache-2.0 */
/* probe_task.c - probes of how tasks are made, held and told apart; see probe.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"
#include "sys/probe.h"

/* --- clone3 --- */

/* Makes a child by clone3 that ends at once. Its pid, or -errno. */
static pid_t clone3_child(uint64_t flags, pid_t *set_tid)
{
	struct clone3_args args = {
		.flags = flags,
		.set_tid = (uint64_t)(uintptr_t)set_tid,
		.set_tid_size = set_tid ? 1 : 0,
	};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)probe_wait(pid);
	return pid;
}

int probe_clone3(void)
{
	pid_t pid = clone3_child(0, NULL);
	return pid < 0 ? pid : 0;
}

/* As process 1 of a new pid namespace: its children may have any number. */
static int set_tid_as_init(void)
{
	pid_t wanted = 77;
	pid_t pid = clone3_child(0, &wanted);
	return pid < 0 ? -pid : pid == 77 ? 0 : ENOSYS;
}

static int set_tid(void)
{
	int pid = probe_fork(); /* the namespace was unshared: this child is its first */
	if (pid == 0)
		_exit(set_tid_as_init());
	return pid < 0 ? pid : -probe_wait(pid);
}

int probe_set_tid(void)
{
	return probe_in_child(set_tid, CLONE_NEWPID);
}

/* --- pidfds --- */

/* Linux 6.13, <linux/pidfd.h>; the first published size. */
struct pidfd_info_v0 {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_IOC_GET_INFO	    _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_IOC_GET_PID_NAMESPACE _IO(0xFF, 5)
#define PIDFD_ASK_PID		    1u

int probe_pidfd_open(void)
{
	CLEANUP_FD int fd = sys_pidfd_open(getpid());
	return fd < 0 ? fd : 0;
}

int probe_pidfd_getfd(void)
{
	CLEANUP_FD int fd = sys_pidfd_open(getpid());
	if (fd < 0)
		return fd;
	CLEANUP_FD int copy = sys_pidfd_getfd(fd, fd);
	return copy < 0 ? copy : 0;
}

int probe_pidfd_info(void)
{
	CLEANUP_FD int fd = sys_pidfd_open(getpid());
	if (fd < 0)
		return fd;
	struct pidfd_info_v0 info = { .mask = PIDFD_ASK_PID };
	if (ioctl(fd, PIDFD_IOC_GET_INFO, &info) < 0)
		return -errno;
	return info.pid == (uint32_t)getpid() ? 0 : -ENOSYS;
}

int probe_pidfd_namespaces(void)
{
	CLEANUP_FD int fd = sys_pidfd_open(getpid());
	if (fd < 0)
		return fd;
	CLEANUP_FD int ns = ioctl(fd, PIDFD_IOC_GET_PID_NAMESPACE, 0);
	return ns < 0 ? -errno : 0;
}

/* Into the host-name namespace that we are in: allowed, and changes nothing. */
static int setns_pidfd(void)
{
	CLEANUP_FD int fd = sys_pidfd_open(getpid());
	if (fd < 0)
		return fd;
	return setns(fd, CLONE_NEWUTS) < 0 ? -errno : 0;
}

int probe_setns_pidfd(void)
{
	return probe_in_child(setns_pidfd, CLONE_NEWUTS);
}

/* --- namespaces --- */

static int userns(void)
{
	return probe_enter_userns(0);
}

int probe_userns(void)
{
	return probe_in_child(userns, 0);
}

static int userns_as_nobody(void)
{
	if (geteuid() == 0 && (syscall(SYS_setgroups, 0, NULL) < 0 ||
			       syscall(SYS_setresgid, 65534, 65534, 65534) < 0 ||
			       syscall(SYS_setresuid, 65534, 65534, 65534) < 0))
		return -errno;
	/* giving up root made /proc/self/uid_map root's */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return -errno;
	return probe_enter_userns(CLONE_NEWNS | CLONE_NEWPID);
}

int probe_userns_unprivileged(void)
{
	return probe_in_child(userns_as_nobody, 0);
}

static int timens(void)
{
	return file_write(AT_FDCWD, "/proc/self/timens_offsets", "monotonic 10 0\n");
}

int probe_timens(void)
{
	return probe_in_child(timens, CLONE_NEWTIME);
}

/* --- what checkpoint and restart ask of a task --- */

/* Linux 6.16, <linux/prctl.h> */
#define TIMER_RESTORE_IDS 77
#define TIMER_IDS_ON	  1

static int timer_ids(void)
{
	if (prctl(TIMER_RESTORE_IDS, TIMER_IDS_ON, 0, 0, 0) < 0)
		return -errno;
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	int id = 4711;
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) < 0)
		return -errno;
	return id == 4711 ? 0 : -ENOSYS;
}

int probe_timer_ids(void)
{
	return probe_in_child(timer_ids, 0);
}

/* Linux 5.13, <linux/ptrace.h> */
#define PTRACE_RSEQ_CONFIGURATION 0x420f
struct rseq_configuration {
	uint64_t pointer;
	uint32_t size, signature, flags, pad;
};

static int read_rseq(pid_t pid)
{
	struct rseq_configuration conf = { 0 };
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, NULL, __WALL) < 0)
		return -errno;
	long n = syscall(SYS_ptrace, PTRACE_RSEQ_CONFIGURATION, pid, sizeof(conf), &conf);
	return n < 0 ? -errno : n == sizeof(conf) ? 0 : -ENOSYS;
}

static int ptrace_rseq(void)
{
	int pid = probe_fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(5);
		for (;;)
			(void)pause();
	}
	if (pid < 0)
		return pid;
	int r = read_rseq(pid);
	(void)kill(pid, SIGKILL);
	(void)probe_wait(pid);
	return r;
}

int probe_ptrace_rseq(void)
{
	return probe_in_child(ptrace_rseq, 0);
}

int probe_io_uring(void)
{
	char params[120] = { 0 }; /* struct io_uring_params; only its size matters here */
	CLEANUP_FD int fd = (int)syscall(SYS_io_uring_setup, 1, params);
	return fd < 0 ? -errno : 0;
}
