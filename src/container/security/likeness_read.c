/* SPDX-License-Identifier: Apache-2.0 */
/* likeness_read.c - what a process is like, as far as it is seen from outside. See likeness.h. */
#include "container/security/likeness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"

static int gone_or(int e, const char *what, struct error *err)
{
	if (e == ESRCH || e == ENOENT)
		return error_set(err, ESRCH, "the process is gone");
	return error_sys(err, e == EACCES ? EPERM : e, "cannot read its %s", what);
}

static ssize_t read_line(int proc, pid_t pid, const char *file, char *buf, size_t size)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	return file_read_line(proc, path, buf, size);
}

/* In the order of the numbers of getrlimit(2). */
static const char *const limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = "Max cpu time",
	[RLIMIT_FSIZE] = "Max file size",
	[RLIMIT_DATA] = "Max data size",
	[RLIMIT_STACK] = "Max stack size",
	[RLIMIT_CORE] = "Max core file size",
	[RLIMIT_RSS] = "Max resident set",
	[RLIMIT_NPROC] = "Max processes",
	[RLIMIT_NOFILE] = "Max open files",
	[RLIMIT_MEMLOCK] = "Max locked memory",
	[RLIMIT_AS] = "Max address space",
	[RLIMIT_LOCKS] = "Max file locks",
	[RLIMIT_SIGPENDING] = "Max pending signals",
	[RLIMIT_MSGQUEUE] = "Max msgqueue size",
	[RLIMIT_NICE] = "Max nice priority",
	[RLIMIT_RTPRIO] = "Max realtime priority",
	[RLIMIT_RTTIME] = "Max realtime timeout",
};

static rlim_t limit_value(const char **p)
{
	char *end;
	*p += strspn(*p, " ");
	if (!str_has_prefix(*p, "unlimited")) {
		rlim_t v = strtoull(*p, &end, 10);
		*p = end;
		return v;
	}
	*p += strlen("unlimited");
	return RLIM_INFINITY;
}

/* From the file: prlimit(2) of a process of another user wants CAP_SYS_RESOURCE, even to read. */
static int read_limits(int proc, pid_t pid, struct likeness *l, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	char path[48];
	(void)snprintf(path, sizeof(path), "%d/limits", (int)pid);
	int r = file_read(proc, path, 1 << 16, &text);
	if (r < 0)
		return gone_or(-r, "limits", err);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		const char *p = strstr(buf_str(&text), limit_names[i]);
		if (!p)
			return error_set(err, text.len ? EINVAL : ESRCH,
					 "cannot read its limits: there is no \"%s\"",
					 limit_names[i]);
		p += strlen(limit_names[i]);
		l->limits[i].rlim_cur = limit_value(&p);
		l->limits[i].rlim_max = limit_value(&p);
	}
	return 0;
}

static int read_schedule(pid_t pid, struct likeness *l, struct error *err)
{
	struct sys_sched *s = &l->schedule;
	if (sys_sched_get(pid, s) < 0)
		return gone_or(errno, "scheduling", err);
	l->schedule_later = s->policy == SCHED_DEADLINE || (s->flags & SCHED_FLAG_RESET_ON_FORK);
	long n = syscall(SYS_sched_getaffinity, pid, sizeof(l->cpus), l->cpus);
	if (n < 0)
		return gone_or(errno, "processors", err);
	l->cpus_size = (size_t)n;
	long io = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid);
	if (io < 0)
		return gone_or(errno, "I/O priority", err);
	l->io_priority = (int)io;
	return 0;
}

/* Its name in the LSM, and, where ours is another, the file to become the same. */
static int read_label(int proc, pid_t pid, struct likeness *l, struct error *err)
{
	char own[sizeof(l->label)];
	const char *file = "attr/apparmor/current";
	l->apparmor = true;
	ssize_t n = read_line(proc, pid, file, l->label, sizeof(l->label));
	if (n < 0) {
		l->apparmor = access("/sys/module/apparmor", F_OK) == 0;
		file = "attr/current";
		n = read_line(proc, pid, file, l->label, sizeof(l->label));
	}
	if (n <= 0) { /* EINVAL: no LSM names processes */
		l->label[0] = '\0';
		return 0;
	}
	char path[64];
	(void)snprintf(path, sizeof(path), "thread-self/%s", file);
	n = file_read_line(proc, path, own, sizeof(own));
	if (n > 0 && str_eq(own, l->label))
		return 0;
	l->label_fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
	return l->label_fd < 0 ? error_sys(err, errno, "cannot take on its label") : 0;
}

int likeness_read(int proc, pid_t pid, struct likeness *ret, struct error *err)
{
	char text[64];
	struct likeness *l = ret;
	*l = (struct likeness)LIKENESS_INIT;
	int r = read_limits(proc, pid, l, err);
	if (r == 0)
		r = read_schedule(pid, l, err);
	if (r < 0)
		return r;
	ssize_t n = read_line(proc, pid, "oom_score_adj", text, sizeof(text));
	if (n < 0)
		return gone_or((int)-n, "oom_score_adj", err);
	l->oom_score_adj = (int)strtol(text, NULL, 10);
	n = read_line(proc, pid, "personality", text, sizeof(text));
	if (n < 0)
		return gone_or((int)-n, "personality", err);
	l->personality = strtoul(text, NULL, 16);
	if (read_line(proc, pid, "timerslack_ns", text, sizeof(text)) > 0)
		l->timer_slack = strtoul(text, NULL, 10);
	return read_label(proc, pid, l, err);
}
