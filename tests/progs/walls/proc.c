/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - attacks through /proc, /sys and the control groups: what can be written there that is not the container's
 * own, what can be read that tells of the machine's memory. Files are opened only, nothing is written.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "walls.h"

typedef int file_fn(const char *path, void *arg);

/* Every file below a directory; stops at the first for which fn does not return 0, and returns that. */
static int walk(const char *dir, int depth, file_fn *fn, void *arg)
{
	DIR *d = opendir(dir);
	int r = 0;
	for (struct dirent *de; d && r == 0 && (de = readdir(d));) {
		char path[1024];
		struct stat st;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0)
			r = walk(path, depth - 1, fn, arg);
		else if (S_ISREG(st.st_mode))
			r = fn(path, arg);
	}
	if (d)
		closedir(d);
	return r;
}

static int has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static int writable(const char *path, void *arg)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK);
	if (fd < 0) {
		*(int *)arg = errno;
		return 0;
	}
	close(fd);
	detail("%s", path);
	return 1;
}

/*
 * With CAP_DAC_OVERRIDE a file of /proc that nothing can be written to opens all the same; then the write of nothing says
 * EIO. Who waits for pressure waits for himself: anybody may.
 */
static int writable_proc(const char *path, void *arg)
{
	int fd = has_prefix(path, "/proc/pressure/") ? -1 : open(path, O_WRONLY | O_NONBLOCK);
	if (fd < 0) {
		*(int *)arg = errno;
		return 0;
	}
	ssize_t n = write(fd, "", 0);
	*(int *)arg = errno;
	close(fd);
	if (n < 0 && (*(int *)arg == EIO || *(int *)arg == EPERM))
		return 0;
	struct stat st;
	if (stat(path, &st) == 0 && S_ISCHR(st.st_mode)) /* /dev/null lies over what is hidden */
		return 0;
	detail("%s", path);
	return 1;
}

/* What belongs to a namespace of ours is ours. */
static int foreign_sysctl(const char *path, void *arg)
{
	static const char *const own[] = { "net/",
					   "fs/mqueue/",
					   "user/",
					   "kernel/msg",
					   "kernel/sem",
					   "kernel/shm",
					   "kernel/auto_msgmni",
					   "kernel/hostname",
					   "kernel/domainname",
					   "kernel/ns_last_pid",
					   "fs/binfmt_misc/",
					   "kernel/pid_max" };
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (has_prefix(path + strlen("/proc/sys/"), own[i]))
			return 0;
	return writable(path, arg);
}

static int attack_sysctls(const struct targets *t)
{
	int last = ENOENT;
	(void)t;
	return walk("/proc/sys", 8, foreign_sysctl, &last) ? THROUGH : -last;
}
static int attack_own_sysctls(const struct targets *t)
{
	int last = ENOENT;
	(void)t;
	return walk("/proc/sys", 8, writable, &last) ? THROUGH : -last;
}
static int attack_proc_files(const struct targets *t)
{
	int last = ENOENT;
	DIR *d = opendir("/proc");
	(void)t;
	for (struct dirent *de; d && (de = readdir(d));) {
		char path[300];
		struct stat st;
		(void)snprintf(path, sizeof(path), "/proc/%s", de->d_name);
		if (isdigit((unsigned char)de->d_name[0]) || de->d_name[0] == '.' ||
		    !strcmp(de->d_name, "sys") || lstat(path, &st) < 0 || S_ISLNK(st.st_mode))
			continue;
		if (S_ISDIR(st.st_mode) ? walk(path, 6, writable_proc, &last)
					: S_ISREG(st.st_mode) && writable_proc(path, &last))
			return THROUGH;
	}
	return -last;
}
static int not_cgroup(const char *path, void *arg)
{
	return has_prefix(path, "/sys/fs/cgroup/") ? 0 : writable(path, arg);
}
static int attack_sys_files(const struct targets *t)
{
	int last = ENOENT;
	(void)t;
	return walk("/sys", 12, not_cgroup, &last) ? THROUGH : -last;
}

static int write_open(const char *path)
{
	int fd = open(path, O_WRONLY);
	return verdict(fd);
}
#define WRITE(name, path)                                                                          \
	static int attack_##name(const struct targets *t)                                          \
	{                                                                                          \
		(void)t;                                                                           \
		return write_open(path);                                                           \
	}
WRITE(sysrq, "/proc/sysrq-trigger")
WRITE(core_pattern, "/proc/sys/kernel/core_pattern")
WRITE(modprobe, "/proc/sys/kernel/modprobe")
WRITE(uevent_helper, "/sys/kernel/uevent_helper")
WRITE(drop_caches, "/proc/sys/vm/drop_caches")
WRITE(swappiness, "/proc/sys/vm/swappiness")
WRITE(panic, "/proc/sys/kernel/panic")
WRITE(sys_power, "/sys/power/state")
WRITE(sys_uevent, "/sys/class/net/lo/uevent")
WRITE(mtrr, "/proc/mtrr")

/* ---- what tells of the machine ---- */

static int read_some(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, size - 1);
	int e = errno;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -e : n == 0 ? -ENODATA : THROUGH;
}
#define READ(name, path)                                                                           \
	static int attack_##name(const struct targets *t)                                          \
	{                                                                                          \
		char text[64];                                                                     \
		(void)t;                                                                           \
		return read_some(path, text, sizeof(text));                                        \
	}
READ(kcore, "/proc/kcore")
READ(kmsg, "/proc/kmsg")
READ(dev_kmsg, "/dev/kmsg")
READ(vmcore, "/proc/vmcore")
READ(keys, "/proc/keys")
READ(timer_list, "/proc/timer_list")
READ(sched_debug, "/proc/sched_debug")
READ(interrupts, "/proc/interrupts")
READ(latency_stats, "/proc/latency_stats")
READ(kpagecount, "/proc/kpagecount")
READ(kpageflags, "/proc/kpageflags")
READ(kpagecgroup, "/proc/kpagecgroup")
READ(vmallocinfo, "/proc/vmallocinfo")

/* Where the container has a view of its own, that is the heading alone. */
static int attack_slabinfo(const struct targets *t)
{
	char text[4096], *line = text;
	(void)t;
	int r = read_some("/proc/slabinfo", text, sizeof(text));
	if (r < 0)
		return r;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (line[0] != '#' && strncmp(line, "slabinfo", 8) != 0)
			return r;
	return -ENODATA;
}
READ(pagetypeinfo, "/proc/pagetypeinfo")
READ(mem_device, "/dev/mem")

/* Lists of addresses show zeros to who may not know them. */
static int shows_address(const char *path)
{
	char text[4096];
	int r = read_some(path, text, sizeof(text));
	if (r < 0)
		return r;
	for (const char *p = text; *p; p++) {
		size_t digits = strspn(p, "0123456789abcdef");
		if (digits >= 8 && strspn(p, "0") < digits &&
		    (p == text || !isalnum((unsigned char)p[-1]))) {
			detail("%.16s", p);
			return THROUGH;
		}
		if (digits)
			p += digits - 1;
	}
	return -EACCES;
}
static int attack_kallsyms(const struct targets *t)
{
	(void)t;
	return shows_address("/proc/kallsyms");
}
static int attack_iomem(const struct targets *t)
{
	(void)t;
	return shows_address("/proc/iomem");
}
/* Physical frames, which one would hammer. */
static int attack_pagemap(const struct targets *t)
{
	unsigned long long entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	(void)t;
	if (fd < 0 || pread(fd, &entry, 8, (long)((unsigned long)&entry / 4096 * 8)) != 8)
		return -errno;
	return entry & ((1ULL << 55) - 1) ? THROUGH : -EACCES;
}
static int empty_dir(const char *path)
{
	DIR *d = opendir(path);
	if (!d)
		return -errno;
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.') {
			detail("%s/%s", path, de->d_name);
			return THROUGH;
		}
	return -ENODATA;
}
#define EMPTY(name, path)                                                                          \
	static int attack_##name(const struct targets *t)                                          \
	{                                                                                          \
		(void)t;                                                                           \
		return empty_dir(path);                                                            \
	}
EMPTY(debugfs, "/sys/kernel/debug")
EMPTY(tracefs, "/sys/kernel/tracing")
EMPTY(securityfs, "/sys/kernel/security")
EMPTY(bpffs, "/sys/fs/bpf")
EMPTY(pstore, "/sys/fs/pstore")
EMPTY(firmware, "/sys/firmware")
EMPTY(powercap, "/sys/devices/virtual/powercap")
EMPTY(scsi, "/proc/scsi")
EMPTY(acpi, "/proc/acpi")
EMPTY(binfmt, "/proc/sys/fs/binfmt_misc")

/* ---- control groups ---- */

struct wanted {
	const char *name;
	int last;
};

static int cgroup_file(const char *path, void *arg)
{
	struct wanted *w = arg;
	const char *slash = strrchr(path, '/');
	return strcmp(slash + 1, w->name) ? 0 : writable(path, &w->last);
}
static int cgroup(const char *name)
{
	struct wanted w = { name, ENOENT };
	return walk("/sys/fs/cgroup", 6, cgroup_file, &w) ? THROUGH : -w.last;
}
#define GROUP(name, file)                                                                          \
	static int attack_cgroup_##name(const struct targets *t)                                   \
	{                                                                                          \
		(void)t;                                                                           \
		return cgroup(file);                                                               \
	}
GROUP(procs, "cgroup.procs")
GROUP(tasks, "tasks")
GROUP(memory, "memory.limit_in_bytes")
GROUP(memory_v2, "memory.max")
GROUP(pids, "pids.max")
GROUP(cpu, "cpu.cfs_quota_us")
GROUP(cpuset, "cpuset.cpus")
GROUP(devices, "devices.allow")
GROUP(release_agent, "release_agent")
GROUP(notify, "notify_on_release")
GROUP(freezer, "freezer.state")
GROUP(freeze, "cgroup.freeze")
GROUP(kill, "cgroup.kill")
GROUP(controllers, "cgroup.subtree_control")
GROUP(event_control, "cgroup.event_control")

static int attack_cgroup_mkdir(const struct targets *t)
{
	DIR *d = opendir("/sys/fs/cgroup");
	int r = verdict(mkdir("/sys/fs/cgroup/wall", 0755));
	(void)t;
	for (struct dirent *de; d && r < 0 && (de = readdir(d));) {
		char path[300];
		if (de->d_name[0] == '.' || de->d_type != DT_DIR)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/wall", de->d_name);
		r = verdict(mkdir(path, 0755));
	}
	return r;
}
/* Groups of others are not to be seen, nor is the way to one's own. */
static int is_foreign(const char *path, void *arg)
{
	(void)arg;
	if (!strstr(path, "contexe-"))
		return 0;
	detail("%s", path);
	return 1;
}
static int attack_cgroup_others(const struct targets *t)
{
	(void)t;
	return walk("/sys/fs/cgroup", 6, is_foreign, NULL) ? THROUGH : -ENOENT;
}
static int attack_cgroup_path(const struct targets *t)
{
	char text[4096];
	int r = read_some("/proc/self/cgroup", text, sizeof(text));
	(void)t;
	char *save = NULL;
	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *path = strrchr(line, ':');
		/* of a group that has none of ours it says where that is: only upwards would lead out */
		if (path && strstr(path, "contexe-")) {
			detail("%s", line);
			return THROUGH;
		}
	}
	return r < 0 ? r : -ENOENT;
}

const struct attack proc_attacks[] = {
	{ "sysctls-of-machine", attack_sysctls, 0 },
	{ "sysctls", attack_own_sysctls, OWN },
	{ "proc-files", attack_proc_files, 0 },
	{ "sys-files", attack_sys_files, OWN },
	{ "sysrq", attack_sysrq, 0 },
	{ "core-pattern", attack_core_pattern, 0 },
	{ "modprobe", attack_modprobe, 0 },
	{ "uevent-helper", attack_uevent_helper, 0 },
	{ "drop-caches", attack_drop_caches, 0 },
	{ "swappiness", attack_swappiness, 0 },
	{ "panic", attack_panic, 0 },
	{ "sys-power", attack_sys_power, 0 },
	{ "sys-uevent", attack_sys_uevent, OWN },
	{ "mtrr", attack_mtrr, 0 },
	{ "kcore", attack_kcore, 0 },
	{ "kmsg", attack_kmsg, 0 },
	{ "dev-kmsg", attack_dev_kmsg, 0 },
	{ "vmcore", attack_vmcore, 0 },
	{ "keys", attack_keys, OWN },
	{ "timer-list", attack_timer_list, OWN },
	{ "sched-debug", attack_sched_debug, OWN },
	{ "interrupts", attack_interrupts, OWN },
	{ "latency-stats", attack_latency_stats, OWN },
	{ "kpagecount", attack_kpagecount, 0 },
	{ "kpageflags", attack_kpageflags, 0 },
	{ "kpagecgroup", attack_kpagecgroup, 0 },
	{ "vmallocinfo", attack_vmallocinfo, 0 },
	{ "slabinfo", attack_slabinfo, 0 },
	{ "pagetypeinfo", attack_pagetypeinfo, 0 },
	{ "dev-mem", attack_mem_device, 0 },
	{ "kallsyms", attack_kallsyms, 0 },
	{ "iomem", attack_iomem, 0 },
	{ "pagemap", attack_pagemap, 0 },
	{ "debugfs", attack_debugfs, 0 },
	{ "tracefs", attack_tracefs, 0 },
	{ "securityfs", attack_securityfs, 0 },
	{ "bpffs", attack_bpffs, 0 },
	{ "pstore", attack_pstore, 0 },
	{ "firmware", attack_firmware, OWN },
	{ "powercap", attack_powercap, OWN },
	{ "proc-scsi", attack_scsi, OWN },
	{ "proc-acpi", attack_acpi, OWN },
	{ "binfmt-misc", attack_binfmt, 0 },
	{ "cgroup-procs", attack_cgroup_procs, OWN },
	{ "cgroup-tasks", attack_cgroup_tasks, OWN },
	{ "cgroup-memory", attack_cgroup_memory, OWN },
	{ "cgroup-memory-max", attack_cgroup_memory_v2, OWN },
	{ "cgroup-pids", attack_cgroup_pids, OWN },
	{ "cgroup-cpu", attack_cgroup_cpu, OWN },
	{ "cgroup-cpuset", attack_cgroup_cpuset, OWN },
	{ "cgroup-devices", attack_cgroup_devices, OWN },
	{ "cgroup-release-agent", attack_cgroup_release_agent, 0 },
	{ "cgroup-notify-on-release", attack_cgroup_notify, OWN },
	{ "cgroup-freezer", attack_cgroup_freezer, OWN },
	{ "cgroup-freeze", attack_cgroup_freeze, OWN },
	{ "cgroup-kill", attack_cgroup_kill, OWN },
	{ "cgroup-controllers", attack_cgroup_controllers, OWN },
	{ "cgroup-event-control", attack_cgroup_event_control, OWN },
	{ "cgroup-mkdir", attack_cgroup_mkdir, OWN },
	{ "cgroup-others", attack_cgroup_others, 0 },
	{ "cgroup-path", attack_cgroup_path, 0 },
	{ NULL, NULL, 0 },
};
