/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - attacks on processes outside: by the number that they have there, by whatever number answers, and on what
 * is above us. A number that is somebody's in here as well is no target.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "walls.h"

#define IOPRIO_IDLE (3 << 13)

/* Calls that name a process by its number; the other arguments are such that they would do what they say. */
static int by_kill(pid_t p)
{
	return verdict(kill(p, SIGCONT));
}
static int by_killpg(pid_t p)
{
	return verdict(kill(-p, SIGCONT));
}
static int by_tkill(pid_t p)
{
	return verdict(syscall(SYS_tkill, p, SIGCONT));
}
static int by_tgkill(pid_t p)
{
	return verdict(syscall(SYS_tgkill, p, p, SIGCONT));
}
static int by_queue(pid_t p)
{
	union sigval v = { 0 };
	return verdict(sigqueue(p, SIGCONT, v));
}
static int by_tgqueue(pid_t p)
{
	siginfo_t si = { .si_signo = SIGCONT, .si_code = SI_QUEUE };
	return verdict(syscall(SYS_rt_tgsigqueueinfo, p, p, SIGCONT, &si));
}
static int by_attach(pid_t p)
{
	return verdict(ptrace(PTRACE_ATTACH, p, 0, 0));
}
static int by_seize(pid_t p)
{
	return verdict(ptrace(PTRACE_SEIZE, p, 0, 0));
}
static int by_readv(pid_t p)
{
	char buf[8];
	struct iovec local = { buf, 8 }, remote = { (void *)0x400000, 8 };
	return verdict(process_vm_readv(p, &local, 1, &remote, 1, 0));
}
static int by_writev(pid_t p)
{
	char buf[8] = "";
	struct iovec local = { buf, 8 }, remote = { (void *)0x400000, 8 };
	return verdict(process_vm_writev(p, &local, 1, &remote, 1, 0));
}
static int by_pidfd(pid_t p)
{
	return verdict(syscall(SYS_pidfd_open, p, 0));
}
static int by_kcmp(pid_t p)
{
	return verdict(syscall(SYS_kcmp, getpid(), p, 0, 0, 0));
}
static int by_scheduler(pid_t p)
{
	struct sched_param param = { 0 };
	return verdict(sched_setscheduler(p, SCHED_IDLE, &param));
}
static int by_setattr(pid_t p)
{
	char attr[56] = { 48 };
	return verdict(syscall(SYS_sched_setattr, p, attr, 0));
}
static int by_getattr(pid_t p)
{
	char attr[56];
	return verdict(syscall(SYS_sched_getattr, p, attr, sizeof(attr), 0));
}
static int by_affinity(pid_t p)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return verdict(sched_setaffinity(p, sizeof(set), &set));
}
static int by_priority(pid_t p)
{
	return verdict(setpriority(PRIO_PROCESS, (id_t)p, 19));
}
static int by_priority_group(pid_t p)
{
	return verdict(setpriority(PRIO_PGRP, (id_t)p, 19));
}
static int by_ioprio(pid_t p)
{
	return verdict(syscall(SYS_ioprio_set, 1, p, IOPRIO_IDLE));
}
static int by_ioprio_group(pid_t p)
{
	return verdict(syscall(SYS_ioprio_set, 2, p, IOPRIO_IDLE));
}
static int by_prlimit(pid_t p)
{
	struct rlimit old;
	return verdict(prlimit(p, RLIMIT_NOFILE, NULL, &old));
}
static int by_migrate(pid_t p)
{
	unsigned long nodes = 1;
	return verdict(syscall(SYS_migrate_pages, p, 8, &nodes, &nodes));
}
static int by_move(pid_t p)
{
	void *page = (void *)0x400000;
	int status;
	return verdict(syscall(SYS_move_pages, p, 1, &page, NULL, &status, 0));
}
static int by_robust(pid_t p)
{
	void *head;
	size_t size;
	return verdict(syscall(SYS_get_robust_list, p, &head, &size));
}
static int by_perf(pid_t p)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_TASK_CLOCK };
	return verdict(syscall(SYS_perf_event_open, &a, p, -1, -1, 0));
}
static int by_getpgid(pid_t p)
{
	return verdict(getpgid(p));
}
static int by_getsid(pid_t p)
{
	return verdict(getsid(p));
}
static int by_setpgid(pid_t p)
{
	return verdict(setpgid(p, p));
}
static int by_join_group(pid_t p)
{
	return verdict(setpgid(0, p));
}
static int by_wait(pid_t p)
{
	return verdict(waitpid(p, NULL, WNOHANG | __WALL));
}
static int by_owner(pid_t p)
{
	int ends[2];
	return pipe(ends) < 0 ? THROUGH : verdict(fcntl(ends[0], F_SETOWN, p));
}
static int by_owner_group(pid_t p)
{
	int ends[2];
	return pipe(ends) < 0 ? THROUGH : verdict(fcntl(ends[0], F_SETOWN, -p));
}
static int by_owner_ex(pid_t p)
{
	int ends[2];
	struct f_owner_ex owner = { F_OWNER_TID, p };
	return pipe(ends) < 0 ? THROUGH : verdict(fcntl(ends[0], F_SETOWN_EX, &owner));
}
static int by_clock(pid_t p)
{
	struct timespec ts;
	return verdict(clock_gettime((clockid_t)(((unsigned)~p << 3) | 2), &ts));
}
static int by_proc(pid_t p)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d", p);
	return verdict(open(path, O_RDONLY));
}
static int by_proc_task(pid_t p)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d", p);
	return verdict(open(path, O_RDONLY));
}

/* A program between us and every process: the machine's, the other container's, then every number that is. */
static int each_number(const struct targets *t, int (*by)(pid_t))
{
	const pid_t named[] = { t->pid, t->other };
	for (size_t i = 0; i < 2; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/%d", named[i]);
		if (named[i] < 100 || access(path, F_OK) == 0)
			continue; /* that number is one of ours */
		int r = by(named[i]);
		if (r >= 0)
			return r;
	}
	return -ESRCH;
}

#define ON(name)                                                                                   \
	static int attack_##name(const struct targets *t)                                          \
	{                                                                                          \
		return each_number(t, by_##name);                                                  \
	}                                                                                          \
	_Static_assert(1, "takes the semicolon")
ON(kill);
ON(killpg);
ON(tkill);
ON(tgkill);
ON(queue);
ON(tgqueue);
ON(attach);
ON(seize);
ON(readv);
ON(writev);
ON(pidfd);
ON(kcmp);
ON(scheduler);
ON(setattr);
ON(getattr);
ON(affinity);
ON(priority);
ON(priority_group);
ON(ioprio);
ON(ioprio_group);
ON(prlimit);
ON(migrate);
ON(move);
ON(robust);
ON(perf);
ON(getpgid);
ON(getsid);
ON(setpgid);
ON(join_group);
ON(wait);
ON(owner);
ON(owner_group);
ON(owner_ex);
ON(clock);
ON(proc);
ON(proc_task);

/* ---- without knowing a number ---- */

static int in_proc(pid_t p)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d", p);
	return access(path, F_OK) == 0;
}

/* Whatever answers must be in our /proc, as a process or as a thread of one. */
static int attack_any_number(const struct targets *t)
{
	(void)t;
	for (pid_t p = 1; p < 1 << 17; p++)
		if ((kill(p, 0) == 0 || errno == EPERM) && !in_proc(p) && kill(p, 0) == 0) {
			detail("%d answers", p);
			return THROUGH;
		}
	return -ESRCH;
}

/* By handle: pidfs gives out one for any process, whose inode number can be guessed. */
static int attack_pidfs_handle(const struct targets *t)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} own = { .h.handle_bytes = 128 };
	int mount, last = ESRCH, self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	(void)t;
	if (self < 0 || name_to_handle_at(self, "", &own.h, &mount, AT_EMPTY_PATH) < 0)
		return -errno;
	unsigned long long number, at;
	memcpy(&number, own.h.f_handle, 8);
	for (at = number > 30000 ? number - 30000 : 1; at < number + 3000; at++) {
		memcpy(own.h.f_handle, &at, 8);
		int fd = open_by_handle_at(self, &own.h, O_RDONLY);
		if (fd < 0) {
			last = errno;
			continue;
		}
		char path[64], text[512] = "";
		(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		int info = open(path, O_RDONLY);
		ssize_t n = info < 0 ? 0 : read(info, text, sizeof(text) - 1);
		close(info);
		close(fd);
		const char *pid = n > 0 ? strstr(text, "Pid:") : NULL;
		if (!pid || atoi(pid + 4) == 0) {
			detail("the handle of inode %llu is of a process outside", at);
			return THROUGH;
		}
	}
	return -last;
}

/* All processes of a user: root of the machine has our number. The test looks at what it did. */
static int attack_priority_user(const struct targets *t)
{
	(void)t;
	(void)setpriority(PRIO_USER, 0, 19);
	(void)setpriority(PRIO_USER, getuid(), 19);
	return -ESRCH;
}
static int attack_ioprio_user(const struct targets *t)
{
	(void)t;
	(void)syscall(SYS_ioprio_set, 3, 0, IOPRIO_IDLE);
	return -ESRCH;
}

static int attack_perf_machine(const struct targets *t)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_CPU_CLOCK };
	(void)t;
	return verdict(syscall(SYS_perf_event_open, &a, -1, 0, -1, 0));
}

/* What is above process 1 has no number here. */
static int attack_parent(const struct targets *t)
{
	char text[64] = "";
	int fd = open("/proc/1/stat", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at = n > 0 ? strrchr(text, ')') : NULL;
	(void)t;
	if (!at || strlen(at) < 5)
		return -ESRCH;
	int parent = atoi(at + 4);
	if (parent)
		detail("process 1 has the parent %d", parent);
	return parent ? THROUGH : -ESRCH;
}

/*
 * We begin in the memory of who becomes process 1: until it has executed too, that one has the machine's program, files
 * and memory.
 */
static int attack_init_early(const struct targets *t)
{
	char target[256], path[64];
	int last = EACCES;
	(void)t;
	for (int i = 0; i < 3000; i++) {
		ssize_t n = readlink("/proc/1/exe", target, sizeof(target) - 1);
		if (n < 0) {
			last = errno;
			continue;
		}
		target[n] = '\0';
		const char *slash = strrchr(target, '/');
		if (slash && !strcmp(slash, "/contexe")) {
			detail("process 1 is %s", target);
			return THROUGH;
		}
		(void)snprintf(path, sizeof(path), "/proc/1/fd/%d", i % 32);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "/containers") && !strstr(target, "/status")) {
			detail("it has %s", target);
			return THROUGH;
		}
	}
	return -last;
}

/* Process 1 belongs to the runtime. */
static int attack_init_attach(const struct targets *t)
{
	(void)t;
	return verdict(ptrace(PTRACE_SEIZE, 1, 0, 0));
}
static int attack_init_memory(const struct targets *t)
{
	(void)t;
	return verdict(open("/proc/1/mem", O_RDWR));
}
static int attack_init_getfd(const struct targets *t)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);
	(void)t;
	for (int i = 0; fd >= 0 && i < 16; i++)
		if (syscall(SYS_pidfd_getfd, fd, i, 0) >= 0)
			return THROUGH;
	return -errno;
}
static int attack_init_fds(const struct targets *t)
{
	(void)t;
	for (int fd = 0; fd < 64; fd++) {
		char path[64], target[256];
		(void)snprintf(path, sizeof(path), "/proc/1/fd/%d", fd);
		if (readlink(path, target, sizeof(target)) >= 0 || open(path, O_RDONLY) >= 0)
			return THROUGH;
	}
	return -errno;
}
/* CVE-2019-5736: the program of the runtime, through whoever executes it. */
static int attack_init_program(const struct targets *t)
{
	(void)t;
	return verdict(open("/proc/1/exe", O_WRONLY));
}
static int attack_init_kill(const struct targets *t)
{
	(void)t;
	for (int sig = 1; sig <= 64; sig++)
		(void)kill(1, sig);
	return kill(1, 0) == 0 || errno == EPERM ? -ESRCH : THROUGH;
}

/* Before all others: what is inherited is a way out. */
static int attack_fd_leak(const struct targets *t)
{
	(void)t;
	for (int fd = 3; fd < 1024; fd++) {
		char path[64], target[256];
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (!strncmp(target, "pipe:", 5))
			continue; /* main.c's own */
		detail("%d is %s", fd, target);
		return THROUGH;
	}
	return -EBADF;
}

/* More than one's share of the machine. */
static int attack_realtime(const struct targets *t)
{
	struct sched_param param = { .sched_priority = 1 };
	(void)t;
	return verdict(sched_setscheduler(0, SCHED_FIFO, &param));
}
static int attack_nice(const struct targets *t)
{
	(void)t;
	return verdict(setpriority(PRIO_PROCESS, 0, -20));
}
static int attack_ioprio_realtime(const struct targets *t)
{
	(void)t;
	return verdict(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
}
static int attack_oom_score(const struct targets *t)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	(void)t;
	return fd < 0 ? -errno : verdict(write(fd, "-1000", 5));
}

const struct attack process_attacks[] = {
	{ "init-early", attack_init_early, 0 },
	{ "fd-leak", attack_fd_leak, 0 },
	{ "kill", attack_kill, 0 },
	{ "kill-group", attack_killpg, 0 },
	{ "tkill", attack_tkill, 0 },
	{ "tgkill", attack_tgkill, 0 },
	{ "sigqueue", attack_queue, 0 },
	{ "tgsigqueue", attack_tgqueue, 0 },
	{ "ptrace-attach", attack_attach, 0 },
	{ "ptrace-seize", attack_seize, 0 },
	{ "process-vm-readv", attack_readv, 0 },
	{ "process-vm-writev", attack_writev, 0 },
	{ "pidfd-open", attack_pidfd, 0 },
	{ "kcmp", attack_kcmp, 0 },
	{ "sched-setscheduler", attack_scheduler, 0 },
	{ "sched-setattr", attack_setattr, 0 },
	{ "sched-getattr", attack_getattr, 0 },
	{ "sched-setaffinity", attack_affinity, 0 },
	{ "setpriority", attack_priority, 0 },
	{ "setpriority-group", attack_priority_group, 0 },
	{ "setpriority-user", attack_priority_user, 0 },
	{ "ioprio-set", attack_ioprio, 0 },
	{ "ioprio-set-group", attack_ioprio_group, 0 },
	{ "ioprio-set-user", attack_ioprio_user, 0 },
	{ "prlimit", attack_prlimit, 0 },
	{ "migrate-pages", attack_migrate, 0 },
	{ "move-pages", attack_move, 0 },
	{ "get-robust-list", attack_robust, 0 },
	{ "perf-event-open", attack_perf, 0 },
	{ "perf-event-machine", attack_perf_machine, 0 },
	{ "getpgid", attack_getpgid, 0 },
	{ "getsid", attack_getsid, 0 },
	{ "setpgid", attack_setpgid, 0 },
	{ "setpgid-join", attack_join_group, 0 },
	{ "wait", attack_wait, 0 },
	{ "fcntl-setown", attack_owner, 0 },
	{ "fcntl-setown-group", attack_owner_group, 0 },
	{ "fcntl-setown-ex", attack_owner_ex, 0 },
	{ "cpu-clock", attack_clock, 0 },
	{ "proc-pid", attack_proc, 0 },
	{ "proc-task", attack_proc_task, 0 },
	{ "any-number", attack_any_number, 0 },
	{ "pidfs-handle", attack_pidfs_handle, 0 },
	{ "parent-of-init", attack_parent, 0 },
	{ "init-ptrace", attack_init_attach, OWN },
	{ "init-memory", attack_init_memory, OWN },
	{ "init-getfd", attack_init_getfd, OWN },
	{ "init-descriptors", attack_init_fds, OWN },
	{ "init-program", attack_init_program, 0 },
	{ "init-signals", attack_init_kill, 0 },
	{ "realtime", attack_realtime, 0 },
	{ "nice", attack_nice, 0 },
	{ "ioprio-realtime", attack_ioprio_realtime, 0 },
	{ "oom-score", attack_oom_score, 0 },
	{ NULL, NULL, 0 },
};
