/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pid1.c - sends one signal to process 1 in every way there is from inside a container: kill(2), tgkill(2),
 * rt_sigqueueinfo(2), rt_tgsigqueueinfo(2), pidfd_send_signal(2), sigqueue(3). Prints one line a way:
 * "kill ok", "tgkill EPERM", ...
 *
 * usage: pid1 SIGNAL
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char *way, long result)
{
	printf("%s %s\n", way, result < 0 ? strerrorname_np(errno) : "ok");
}

int main(int argc, char **argv)
{
	int sig = argc == 2 ? atoi(argv[1]) : 0;
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };
	info.si_pid = getpid();
	info.si_uid = getuid();

	if (sig < 1 || sig > 64)
		return 2;
	tell("kill", syscall(SYS_kill, 1, sig));
	tell("tgkill", syscall(SYS_tgkill, 1, 1, sig));
	tell("tkill", syscall(SYS_tkill, 1, sig));
	tell("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, 1, sig, &info));
	tell("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, 1, 1, sig, &info));
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);
	tell("pidfd_send_signal", fd < 0 ? -1 : syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0));
	return 0;
}
