/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_default.c - the default allow-list, as data: what the usual engines allow, by theme.
 *
 * Everything not named here fails with EPERM, and everything newer than the newest named with
 * ENOSYS (seccomp_prologue.c). Left out on purpose, whatever capabilities there are:
 *
 *   add_key keyctl request_key   keyrings are not namespaced
 *   userfaultfd                  makes kernel races winnable
 *   io_uring_*                   does I/O past the filter and has a steady line of kernel holes;
 *                                docker allowed it until 2023 and denies it since
 *   kexec_* swapon swapoff       the machine's own business
 *   migrate_pages move_pages     other processes' memory
 *   ustat sysfs uselib ...       obsolete
 *   pivot_root                   a container's root is made before it starts
 *
 * Names that an architecture does not have are harmless: the compiler drops them.
 */
#include "container/security/parts.h"
#include "container/security/seccomp.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/personality.h>

#define BIT(n) (UINT64_C(1) << (n))

struct group {
	uint64_t caps; /* one of these is enough; 0: everybody */
	const char *names;
};

static const struct group groups[] = {
	/* files: open, read, write, seek, close */
	{ 0, "open openat openat2 creat close close_range read readv pread64 preadv preadv2 write "
	     "writev "
	     "pwrite64 pwritev pwritev2 lseek _llseek truncate truncate64 ftruncate ftruncate64 "
	     "fallocate "
	     "sendfile sendfile64 copy_file_range splice tee vmsplice readahead fadvise64 "
	     "fadvise64_64 "
	     "sync fsync fdatasync syncfs sync_file_range sync_file_range2 arm_fadvise64_64 "
	     "arm_sync_file_range cachestat fcntl fcntl64 flock ioctl dup dup2 dup3 pipe pipe2" },
	/* files: names and attributes */
	{ 0, "stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx statfs statfs64 "
	     "fstatfs "
	     "fstatfs64 access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 "
	     "lchown "
	     "lchown32 fchown fchown32 fchownat link linkat unlink unlinkat symlink symlinkat "
	     "readlink "
	     "readlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat getdents "
	     "getdents64 "
	     "chdir fchdir getcwd umask utime utimes futimesat utimensat utimensat_time64 "
	     "name_to_handle_at file_getattr file_setattr" },
	{ 0,
	  "getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr "
	  "flistxattr "
	  "removexattr lremovexattr fremovexattr getxattrat setxattrat listxattrat removexattrat" },
	/* waiting for many things */
	{ 0, "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create "
	     "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait "
	     "epoll_pwait2 "
	     "eventfd eventfd2 signalfd signalfd4 inotify_init inotify_init1 inotify_add_watch "
	     "inotify_rm_watch fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents "
	     "io_pgetevents io_pgetevents_time64" },
	/* memory */
	{ 0, "brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall "
	     "munlock "
	     "munlockall mseal pkey_alloc pkey_free pkey_mprotect remap_file_pages memfd_create "
	     "memfd_secret membarrier map_shadow_stack" },
	/* processes and threads; clone and clone3 have rules of their own below */
	{ 0, "fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill "
	     "pidfd_open pidfd_send_signal process_mrelease getpid getppid gettid getpgid getpgrp "
	     "setpgid "
	     "getsid setsid set_tid_address set_robust_list get_robust_list rseq prctl arch_prctl "
	     "modify_ldt set_thread_area get_thread_area set_tls breakpoint cacheflush "
	     "riscv_flush_icache "
	     "riscv_hwprobe restart_syscall getcpu getrusage times seccomp landlock_create_ruleset "
	     "landlock_add_rule landlock_restrict_self capget capset" },
	/*
	 * ptrace cannot get round a filter since Linux 4.8, and a debugger in a container is
	 * welcome
	 */
	{ 0, "ptrace process_vm_readv process_vm_writev" },
	/*
	 * the kernel calls these from its own trampolines in programs that are traced with uprobes
	 */
	{ 0, "uretprobe uprobe" },
	/* locks */
	{ 0, "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue" },
	/* signals */
	{ 0, "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	     "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask "
	     "sigreturn "
	     "sigaction sigpending sigsuspend signal pause" },
	/* identity */
	{ 0, "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid "
	     "getresuid32 "
	     "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid "
	     "setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid "
	     "setfsuid32 setfsgid setfsgid32 setgroups setgroups32" },
	/* limits and scheduling of oneself */
	{ 0,
	  "getrlimit ugetrlimit setrlimit prlimit64 getpriority setpriority ioprio_get ioprio_set "
	  "sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr "
	  "sched_getparam "
	  "sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max "
	  "sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64" },
	/* time: the *adjtime calls only read without CAP_SYS_TIME */
	{ 0,
	  "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 "
	  "clock_nanosleep clock_nanosleep_time64 nanosleep adjtimex clock_adjtime clock_adjtime64 "
	  "alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime "
	  "timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "
	  "timerfd_gettime64 timerfd_settime timerfd_settime64" },
	/* sockets; socket itself has rules below */
	{ 0, "socketcall socketpair bind listen accept accept4 connect shutdown getsockname "
	     "getpeername "
	     "getsockopt setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg "
	     "recvmmsg_time64" },
	/* System V and POSIX IPC */
	{ 0, "ipc shmget shmat shmctl shmdt semget semop semctl semtimedop semtimedop_time64 "
	     "msgget msgsnd "
	     "msgrcv msgctl mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend "
	     "mq_timedsend_time64 "
	     "mq_timedreceive mq_timedreceive_time64" },
	/* the system */
	{ 0, "uname sysinfo getrandom" },

	/*
	 * With a capability that the kernel asks for anyway: without it there is no reason to let
	 * anybody near that code.
	 */
	{ BIT(CAP_SYS_ADMIN),
	  "clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree "
	  "open_tree_attr "
	  "fsopen fsconfig fsmount fspick fanotify_init quotactl quotactl_fd sethostname "
	  "setdomainname "
	  "lookup_dcookie statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules "
	  "listns" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_BPF), "bpf" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_PERFMON), "perf_event_open" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_SYSLOG), "syslog" },
	{ BIT(CAP_SYS_PTRACE), "kcmp pidfd_getfd process_madvise" },
	{ BIT(CAP_SYS_MODULE), "init_module finit_module delete_module" },
	{ BIT(CAP_SYS_TIME), "settimeofday stime clock_settime clock_settime64" },
	{ BIT(CAP_SYS_NICE), "get_mempolicy set_mempolicy mbind set_mempolicy_home_node" },
	{ BIT(CAP_DAC_READ_SEARCH), "open_by_handle_at" },
	{ BIT(CAP_SYS_CHROOT), "chroot" },
	{ BIT(CAP_SYS_BOOT), "reboot" },
	{ BIT(CAP_SYS_PACCT), "acct" },
	{ BIT(CAP_SYS_RAWIO), "iopl ioperm" },
	{ BIT(CAP_SYS_TTY_CONFIG), "vhangup" },
};

/*
 * Rules that look at arguments. libseccomp compares all 64 bits of an argument where the kernel
 * takes an int of it, so "not equal" could be passed by setting a bit above: what may not be is
 * never written as NE, but as the list of what may.
 */
struct arg_rule {
	const char *name, *action;
	uint64_t unless; /* not when this capability is held */
	uint64_t only;	 /* only when this capability is held */
	int errno_ret;
	size_t n_args;
	struct {
		uint64_t index, value, value_two;
		const char *op;
	} args[2];
};

#define ALLOW "SCMP_ACT_ALLOW"
#define EQ    "SCMP_CMP_EQ"
/* `size` values from `first` on; size is a power of two and first a multiple of it */
#define RUN(arg, size, first)                                                                      \
	{                                                                                          \
		arg, ~(uint64_t)((size)-1), first, "SCMP_CMP_MASKED_EQ"                            \
	}

/*
 * clone(2) flags that make a namespace; CLONE_NEWTIME is part of the exit signal there and has no
 * effect.
 */
#define CLONE_NEW_ANY 0x7e020000

static const struct arg_rule arg_rules[] = {
	/*
	 * The flags of clone3 are in memory, out of a filter's sight; ENOSYS sends libc back to
	 * clone.
	 */
	{ "clone3", "SCMP_ACT_ERRNO", BIT(CAP_SYS_ADMIN), 0, ENOSYS, 0, { { 0 } } },
	/*
	 * The mounts of other mount namespaces, by number. Who has the uid that made a user
	 * namespace has all capabilities over it (cap_capable()), so root of a container without
	 * one would see those of every container with one. ENOSYS: libmount reads mountinfo.
	 */
	{ "listmount", "SCMP_ACT_ERRNO", BIT(CAP_SYS_ADMIN), 0, ENOSYS, 0, { { 0 } } },
	{ "statmount", "SCMP_ACT_ERRNO", BIT(CAP_SYS_ADMIN), 0, ENOSYS, 0, { { 0 } } },
	{ "clone",
	  ALLOW,
	  BIT(CAP_SYS_ADMIN),
	  0,
	  0,
	  1,
	  { { 0, CLONE_NEW_ANY, 0, "SCMP_CMP_MASKED_EQ" } } },

	/* ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC and the like weaken a program: not these. */
	{ "personality", ALLOW, 0, 0, 0, 1, { { 0, PER_LINUX, 0, EQ } } },
	{ "personality", ALLOW, 0, 0, 0, 1, { { 0, PER_LINUX32, 0, EQ } } },
	{ "personality", ALLOW, 0, 0, 0, 1, { { 0, UNAME26, 0, EQ } } },
	{ "personality", ALLOW, 0, 0, 0, 1, { { 0, UNAME26 | PER_LINUX32, 0, EQ } } },
	{ "personality", ALLOW, 0, 0, 0, 1, { { 0, 0xffffffff, 0, EQ } } }, /* asks */

	/*
	 * Address families 0..45 but CAIF (37), AF_ALG (38; the kernel's crypto, for anybody, and a
	 * line of privilege escalations) and AF_VSOCK (40, which leads out of a virtual machine
	 * past every network namespace), as docker does today. (i386's socketcall(2) hides its
	 * arguments and stays open.) Netlink (16) by its protocols 0..31: NETLINK_AUDIT (9) says
	 * EINVAL without CAP_AUDIT_WRITE, which PAM and sshd read as a kernel without audit, where
	 * a refused message would make them give up. NETLINK_KOBJECT_UEVENT (15) tells of the
	 * machine's devices in every network namespace that belongs to the machine's user
	 * namespace, to anybody: not there, without CAP_SYS_ADMIN.
	 */
	{ "socket", ALLOW, 0, 0, 0, 1, { { 0, 16, 0, "SCMP_CMP_LT" } } },
	{ "socket", ALLOW, 0, 0, 0, 2, { { 0, 16, 0, EQ }, RUN(2, 8, 0) } },
	{ "socket", ALLOW, 0, 0, 0, 2, { { 0, 16, 0, EQ }, { 2, 8, 0, EQ } } },
	{ "socket", ALLOW, 0, BIT(CAP_AUDIT_WRITE), 0, 2, { { 0, 16, 0, EQ }, { 2, 9, 0, EQ } } },
	{ "socket",
	  "SCMP_ACT_ERRNO",
	  BIT(CAP_AUDIT_WRITE),
	  0,
	  EINVAL,
	  2,
	  { { 0, 16, 0, EQ }, { 2, 9, 0, EQ } } },
	{ "socket", ALLOW, 0, 0, 0, 2, { { 0, 16, 0, EQ }, RUN(2, 2, 10) } },
	{ "socket", ALLOW, 0, 0, 0, 2, { { 0, 16, 0, EQ }, RUN(2, 2, 12) } },
	{ "socket", ALLOW, 0, 0, 0, 2, { { 0, 16, 0, EQ }, { 2, 14, 0, EQ } } },
	{ "socket", ALLOW, 0, BIT(CAP_SYS_ADMIN), 0, 2, { { 0, 16, 0, EQ }, { 2, 15, 0, EQ } } },
	{ "socket",
	  "SCMP_ACT_ERRNO",
	  BIT(CAP_SYS_ADMIN),
	  0,
	  EPROTONOSUPPORT,
	  2,
	  { { 0, 16, 0, EQ }, { 2, 15, 0, EQ } } },
	{ "socket", ALLOW, 0, 0, 0, 2, { { 0, 16, 0, EQ }, RUN(2, 16, 16) } },
	{ "socket", ALLOW, 0, 0, 0, 1, { { 0, 17, 0, EQ } } },
	{ "socket", ALLOW, 0, 0, 0, 1, { RUN(0, 2, 18) } },
	{ "socket", ALLOW, 0, 0, 0, 1, { RUN(0, 4, 20) } },
	{ "socket", ALLOW, 0, 0, 0, 1, { RUN(0, 8, 24) } },
	{ "socket", ALLOW, 0, 0, 0, 1, { RUN(0, 4, 32) } },
	{ "socket", ALLOW, 0, 0, 0, 1, { { 0, 36, 0, EQ } } },
	{ "socket", ALLOW, 0, 0, 0, 1, { { 0, 39, 0, EQ } } },
	{ "socket", ALLOW, 0, 0, 0, 1, { { 0, 41, 0, EQ } } },
	{ "socket", ALLOW, 0, 0, 0, 1, { RUN(0, 2, 42) } },
	{ "socket", ALLOW, 0, 0, 0, 1, { RUN(0, 2, 44) } },
};

/* The native architecture comes by itself; these are the others that its kernels run. */
static const char *const sub_architectures[] = {
#if defined(__x86_64__)
	"SCMP_ARCH_X86_64",
	"SCMP_ARCH_X86",
#elif defined(__aarch64__)
	"SCMP_ARCH_AARCH64",
	"SCMP_ARCH_ARM",
#endif
	NULL,
};

static struct spec_seccomp_rule *new_rule(struct spec *spec, const char *action)
{
	struct spec_seccomp *sc = &spec->linux_.seccomp;
	struct spec_seccomp_rule *rule = arena_push(&spec->arena, sc->syscalls, sc->n_syscalls);
	rule->action = arena_strdup(&spec->arena, action);
	return rule;
}

static void add_names(struct spec *spec, struct strings *list, const char *names)
{
	for (const char *p = names; *p;) {
		size_t n = strcspn(p, " ");
		*arena_push(&spec->arena, list->v, list->n) = arena_strndup(&spec->arena, p, n);
		p += n + strspn(p + n, " ");
	}
}

static void add_arg_rule(struct spec *spec, const struct arg_rule *from)
{
	struct spec_seccomp_rule *rule = new_rule(spec, from->action);
	add_names(spec, &rule->names, from->name);
	if (from->errno_ret)
		rule->errno_ret = (struct opt_u64){ true, (uint64_t)from->errno_ret };
	for (size_t i = 0; i < from->n_args; i++) {
		struct spec_seccomp_arg *arg = arena_push(&spec->arena, rule->args, rule->n_args);
		arg->index = from->args[i].index;
		arg->value = from->args[i].value;
		arg->value_two = from->args[i].value_two;
		arg->op = arena_strdup(&spec->arena, from->args[i].op);
	}
}

static uint64_t held_caps(const struct spec *spec)
{
	uint64_t held = 0;
	(void)!caps_mask(&spec->process.caps.bounding, "", &held,
			 NULL); /* security_prepare() tells */
	return held;
}

void seccomp_default_frame(struct spec *spec)
{
	struct spec_seccomp *sc = &spec->linux_.seccomp;
	*sc = (struct spec_seccomp){ 0 };
	sc->default_action = arena_strdup(&spec->arena, "SCMP_ACT_ERRNO");
	sc->default_errno_ret = (struct opt_u64){ true, EPERM };
	for (size_t i = 0; sub_architectures[i]; i++)
		strings_add(&spec->arena, &sc->architectures, sub_architectures[i]);
}

void seccomp_default_key(const struct spec *spec, struct buf *key)
{
	uint64_t held = held_caps(spec);
	buf_add(key, &held, sizeof(held));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		buf_add(key, &groups[i].caps, sizeof(groups[i].caps));
		buf_add(key, groups[i].names, strlen(groups[i].names) + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(arg_rules); i++) {
		const struct arg_rule *rule = &arg_rules[i];
		const uint64_t numbers[] = { rule->unless, rule->only, (uint64_t)rule->errno_ret,
					     rule->n_args };
		buf_add(key, numbers, sizeof(numbers));
		buf_add(key, rule->name, strlen(rule->name) + 1);
		buf_add(key, rule->action, strlen(rule->action) + 1);
		for (size_t k = 0; k < rule->n_args; k++) {
			const uint64_t values[] = { rule->args[k].index, rule->args[k].value,
						    rule->args[k].value_two };
			buf_add(key, values, sizeof(values));
			buf_add(key, rule->args[k].op, strlen(rule->args[k].op) + 1);
		}
	}
}

void security_default_seccomp(struct spec *spec)
{
	uint64_t held = held_caps(spec);
	seccomp_default_frame(spec);
	struct spec_seccomp_rule *rule = new_rule(spec, ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (!groups[i].caps || (groups[i].caps & held))
			add_names(spec, &rule->names, groups[i].names);
	for (size_t i = 0; i < ARRAY_SIZE(arg_rules); i++) {
		const struct arg_rule *from = &arg_rules[i];
		if (!(from->unless & held) && (!from->only || (from->only & held)))
			add_arg_rule(spec, from);
	}
}
