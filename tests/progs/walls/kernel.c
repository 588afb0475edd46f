/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c - attacks on the machine as a whole: clocks, names, log, modules, other kernels, and doors to the
 * kernel that have nothing to do with a container. Arguments are harmless where a call should come through.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/quota.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "walls.h"

/* ---- clocks ---- */

static int attack_settimeofday(const struct targets *t)
{
	struct timeval tv;
	(void)t;
	(void)gettimeofday(&tv, NULL);
	return denied(settimeofday(&tv, NULL));
}
static int attack_timezone(const struct targets *t)
{
	struct timezone tz = { 0 };
	(void)t;
	return denied(syscall(SYS_settimeofday, NULL, &tz));
}
static int set_clock(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return verdict(clock_settime(clock, &ts)); /* EINVAL for those that nobody can set */
}
static int attack_realtime_clock(const struct targets *t)
{
	(void)t;
	return set_clock(CLOCK_REALTIME);
}
static int attack_monotonic_clock(const struct targets *t)
{
	(void)t;
	return set_clock(CLOCK_MONOTONIC);
}
static int attack_boottime_clock(const struct targets *t)
{
	(void)t;
	return set_clock(CLOCK_BOOTTIME);
}
static int attack_tai_clock(const struct targets *t)
{
	(void)t;
	return set_clock(CLOCK_TAI);
}
static int attack_adjtimex(const struct targets *t)
{
	struct timex now = { 0 };
	(void)t;
	(void)adjtimex(&now);
	now.modes = ADJ_FREQUENCY;
	return denied(adjtimex(&now));
}
static int attack_clock_adjtime(const struct targets *t)
{
	struct timex now = { .modes = ADJ_TAI, .constant = 37 };
	(void)t;
	return denied(clock_adjtime(CLOCK_REALTIME, &now));
}
static int attack_time_offsets(const struct targets *t)
{
	int fd = open("/proc/self/timens_offsets", O_WRONLY);
	(void)t;
	return fd < 0 ? -errno : verdict(write(fd, "monotonic 100 0\n", 16));
}
static int attack_time_offsets_init(const struct targets *t)
{
	int fd = open("/proc/1/timens_offsets", O_WRONLY);
	(void)t;
	return fd < 0 ? -errno : verdict(write(fd, "boottime 100 0\n", 15));
}
/* Alarms that wake the machine. */
static int attack_wake_alarm(const struct targets *t)
{
	timer_t timer;
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	(void)t;
	return verdict(timer_create(CLOCK_BOOTTIME_ALARM, &ev, &timer));
}

/* ---- names, log, end ---- */

static int attack_hostname(const struct targets *t)
{
	(void)t;
	return denied(sethostname("taken", 5));
}
static int attack_domainname(const struct targets *t)
{
	(void)t;
	return denied(setdomainname("taken", 5));
}
/* What it is called outside cannot be learned. */
static int attack_learn_hostname(const struct targets *t)
{
	char name[65] = "";
	(void)gethostname(name, sizeof(name) - 1);
	return strcmp(name, t->host) != 0 ? -ENOENT : THROUGH;
}
static int attack_log_read(const struct targets *t)
{
	char text[256];
	(void)t;
	return denied(klogctl(3, text, sizeof(text)));
}
static int attack_log_clear(const struct targets *t)
{
	(void)t;
	return denied(klogctl(5, NULL, 0));
}
static int attack_log_console(const struct targets *t)
{
	(void)t;
	return denied(klogctl(8, NULL, 7));
}
static int attack_reboot(const struct targets *t)
{
	(void)t; /* ctrl-alt-del: nothing that hurts */
	return verdict(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL));
}
static int attack_swapon(const struct targets *t)
{
	(void)t;
	return denied(swapon("/none", 0));
}
static int attack_swapoff(const struct targets *t)
{
	(void)t;
	return denied(swapoff("/none"));
}
static int attack_acct(const struct targets *t)
{
	(void)t;
	return denied(acct(NULL));
}
static int attack_quota(const struct targets *t)
{
	char info[64];
	(void)t;
	return denied(syscall(SYS_quotactl, QCMD(Q_GETFMT, USRQUOTA), "/dev/none", 0, info)) ==
			       THROUGH
		       ? (errno == ENOTBLK || errno == ENOENT || errno == ENODEV ? -errno : THROUGH)
		       : -errno;
}
static int attack_quota_fd(const struct targets *t)
{
	char block[256];
	int fd = open("/", O_RDONLY);
	(void)t;
	return verdict(syscall(443 /* quotactl_fd */, fd, QCMD(Q_SETQUOTA, USRQUOTA), 1, block));
}
static int attack_nfsservctl(const struct targets *t)
{
	(void)t;
	return verdict(syscall(180, 0, NULL, NULL));
}
static int attack_lookup_dcookie(const struct targets *t)
{
	char path[64];
	(void)t;
	return denied(syscall(212, 1ULL, path, sizeof(path)));
}
static int attack_vhangup(const struct targets *t)
{
	(void)t;
	return denied(vhangup());
}

/* ---- code for the kernel ---- */

static int attack_init_module(const struct targets *t)
{
	(void)t;
	return denied(syscall(SYS_init_module, "x", 1, ""));
}
static int attack_finit_module(const struct targets *t)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	(void)t;
	return denied(syscall(SYS_finit_module, fd, "", 0));
}
static int attack_delete_module(const struct targets *t)
{
	(void)t;
	return denied(syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
}
static int attack_kexec(const struct targets *t)
{
	(void)t;
	return denied(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}
static int attack_kexec_file(const struct targets *t)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	(void)t;
	return denied(syscall(SYS_kexec_file_load, fd, -1, 1, "", 0));
}
static int attack_bpf_load(const struct targets *t)
{
	static const unsigned long long code[] = { 0xb7, 0x95 }; /* r0 = 0; exit */
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = 2,
				.insns = (unsigned long)code,
				.license = (unsigned long)"GPL" };
	(void)t;
	return denied(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}
static int attack_bpf_list(const struct targets *t)
{
	union bpf_attr attr = { 0 };
	(void)t;
	return denied(syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)));
}
static int attack_bpf_map(const struct targets *t)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	(void)t;
	return denied(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}
/* Faults of the kernel's own accesses, which stop it where one likes. */
static int attack_userfaultfd(const struct targets *t)
{
	(void)t;
	return denied(syscall(SYS_userfaultfd, O_CLOEXEC));
}
static int attack_io_uring(const struct targets *t)
{
	struct io_uring_params p = { 0 };
	(void)t;
	return denied(syscall(SYS_io_uring_setup, 4, &p));
}
static int attack_iopl(const struct targets *t)
{
	(void)t;
	return denied(syscall(SYS_iopl, 3));
}
static int attack_ioperm(const struct targets *t)
{
	(void)t;
	return denied(syscall(SYS_ioperm, 0x60, 1, 1));
}
static int attack_fanotify(const struct targets *t)
{
	(void)t;
	return denied(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
}
static int attack_fanotify_mount(const struct targets *t)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
	(void)t;
	if (fd < 0)
		return -errno;
	return denied(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD,
				    "/proc/sys"));
}
/* What makes other programs easier to break, set-uid ones too. */
static int attack_personality(const struct targets *t)
{
	(void)t;
	return denied(personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC));
}
/* 32-bit calls have other numbers: mount(2) is 21 there, and a filter by number alone would let it by. */
static int attack_int80(const struct targets *t)
{
	static const char type[] = "tmpfs", place[] = "/tmp"; /* below 4 GiB: we are no PIE */
	long r = -ENOSYS;
	(void)t;
#if defined(__x86_64__)
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(21L), "b"(type), "c"(place), "d"(type), "S"(0L), "D"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
#endif
	errno = (int)-r;
	return denied(r < 0 ? -1 : 0);
}
/* And the x32 ones: the bit makes another number of the same call. */
static int attack_x32(const struct targets *t)
{
	(void)t;
	return denied(syscall(0x40000000 | SYS_mount, "", "/", "tmpfs", 0, NULL));
}

const struct attack kernel_attacks[] = {
	{ "settimeofday", attack_settimeofday, 0 },
	{ "timezone", attack_timezone, 0 },
	{ "clock-realtime", attack_realtime_clock, 0 },
	{ "clock-monotonic", attack_monotonic_clock, 0 },
	{ "clock-boottime", attack_boottime_clock, 0 },
	{ "clock-tai", attack_tai_clock, 0 },
	{ "adjtimex", attack_adjtimex, 0 },
	{ "clock-adjtime", attack_clock_adjtime, 0 },
	{ "time-offsets", attack_time_offsets, 0 },
	{ "time-offsets-init", attack_time_offsets_init, 0 },
	{ "wake-alarm", attack_wake_alarm, 0 },
	{ "hostname", attack_hostname, OWN },
	{ "domainname", attack_domainname, OWN },
	{ "learn-hostname", attack_learn_hostname, 0 },
	{ "log-read", attack_log_read, 0 },
	{ "log-clear", attack_log_clear, 0 },
	{ "log-console", attack_log_console, 0 },
	{ "reboot", attack_reboot, 0 },
	{ "swapon", attack_swapon, 0 },
	{ "swapoff", attack_swapoff, 0 },
	{ "acct", attack_acct, 0 },
	{ "quotactl", attack_quota, 0 },
	{ "quotactl-fd", attack_quota_fd, 0 },
	{ "nfsservctl", attack_nfsservctl, 0 },
	{ "lookup-dcookie", attack_lookup_dcookie, 0 },
	{ "vhangup", attack_vhangup, 0 },
	{ "init-module", attack_init_module, 0 },
	{ "finit-module", attack_finit_module, 0 },
	{ "delete-module", attack_delete_module, 0 },
	{ "kexec-load", attack_kexec, 0 },
	{ "kexec-file-load", attack_kexec_file, 0 },
	{ "bpf-load", attack_bpf_load, FILTER },
	{ "bpf-list", attack_bpf_list, 0 },
	{ "bpf-map", attack_bpf_map, FILTER },
	{ "userfaultfd", attack_userfaultfd, FILTER },
	{ "io-uring", attack_io_uring, FILTER },
	{ "iopl", attack_iopl, 0 },
	{ "ioperm", attack_ioperm, 0 },
	{ "fanotify", attack_fanotify, 0 },
	{ "fanotify-filesystem", attack_fanotify_mount, OWN },
	{ "personality", attack_personality, FILTER },
	{ "int80-mount", attack_int80, OWN },
	{ "x32-mount", attack_x32, 0 },
	{ NULL, NULL, 0 },
};
