/* SPDX-License-Identifier: Apache-2.0 */
/* signame.c - see signame.h. Kernel numbering: 34 is SIGRTMIN for programs that use glibc. */
#include "sys/signame.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

#define RTMIN 34
#define RTMAX 64

static const char *const names[] = {
	[SIGHUP] = "HUP",   [SIGINT] = "INT",	    [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
	[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",	    [SIGBUS] = "BUS",	[SIGFPE] = "FPE",
	[SIGKILL] = "KILL", [SIGUSR1] = "USR1",	    [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",	    [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
	[SIGCHLD] = "CHLD", [SIGCONT] = "CONT",	    [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
	[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",	    [SIGURG] = "URG",	[SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
	[SIGIO] = "IO",	    [SIGPWR] = "PWR",	    [SIGSYS] = "SYS",
};

int signame_parse(const char *s)
{
	uint64_t n;
	if (parse_u64(s, 1, SIGNAME_MAX, &n) == 0)
		return (int)n;
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	for (int i = 1; i < (int)ARRAY_SIZE(names); i++)
		if (names[i] && !strcasecmp(s, names[i]))
			return i;
	if (!strcasecmp(s, "POLL"))
		return SIGIO;
	if (!strcasecmp(s, "RTMIN"))
		return RTMIN;
	if (!strcasecmp(s, "RTMAX"))
		return RTMAX;
	if (!strncasecmp(s, "RTMIN+", 6) && parse_u64(s + 6, 0, RTMAX - RTMIN, &n) == 0)
		return RTMIN + (int)n;
	if (!strncasecmp(s, "RTMAX-", 6) && parse_u64(s + 6, 0, RTMAX - RTMIN, &n) == 0)
		return RTMAX - (int)n;
	return -EINVAL;
}

const char *signame_format(int sig, char *buf, size_t size)
{
	if (sig > 0 && sig < (int)ARRAY_SIZE(names) && names[sig])
		(void)snprintf(buf, size, "%s", names[sig]);
	else if (sig >= RTMIN && sig <= RTMAX)
		(void)snprintf(buf, size, sig == RTMIN ? "RTMIN" : "RTMIN+%d", sig - RTMIN);
	else
		(void)snprintf(buf, size, "%d", sig);
	return buf;
}
