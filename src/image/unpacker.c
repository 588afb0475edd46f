/* SPDX-License-Identifier: Apache-2.0 */
/* unpacker.c - see unpacker.h. */
#include "image/unpacker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libexec.h"
#include "base/parse.h"
#include "image/digest.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"

#define HELPER	  "contexe-unpack"
#define LINE_SIZE 8192
#define MAX_NAMES 1000

struct session {
	struct unpacked *ret;
	image_progress_fn *progress;
	void *progress_arg;
	struct error told; /* the helper's error; err 0: none yet */
	char last_words
		[200]; /* a line that is none of the protocol's: a loader's or sanitizer's cry */
};

/* ---- what the helper says ---- */

static void hear_work(struct session *s, char *text)
{
	if (parse_is_name(text, sizeof(s->ret->work) - 1))
		strcpy(s->ret->work, text);
}

static void hear_progress(struct session *s, char *text)
{
	uint64_t layer, layers, done, total;
	char phase[64] = "archive";

	if (!s->progress || sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &layer,
				   &layers, &done, &total) != 4)
		return;
	if (layers)
		(void)snprintf(phase, sizeof(phase), "layer %" PRIu64 "/%" PRIu64, layer, layers);
	s->progress(s->progress_arg, phase, done, total);
}

static void hear_note(struct session *s, char *text)
{
	char phase[512];
	(void)snprintf(phase, sizeof(phase), "note: %s", text);
	if (s->progress)
		s->progress(s->progress_arg, phase, 0, 0);
}

static void hear_name(struct session *s, char *text)
{
	if (s->ret->names.n < MAX_NAMES)
		strings_add(&s->ret->arena, &s->ret->names, text);
}

static void hear_result(struct session *s, char *text)
{
	if (digest_is_hex(text, 64))
		strcpy(s->ret->id, text);
}

static void hear_error(struct session *s, char *text)
{
	char *rest = text;
	char *number = strsep(&rest, " ");
	uint64_t errnum;
	if (!rest || parse_u64(number, 1, 4095, &errnum) < 0)
		return;
	const char *part[4] = { "", "", "", "" };
	for (size_t i = 0; i < ARRAY_SIZE(part) && rest; i++)
		part[i] = strsep(&rest, "\t");
	error_set(&s->told, (int)errnum, "%s", part[2]);
	error_what(&s->told, "%s", part[0]);
	error_object(&s->told, "%s", part[1]);
	error_hint(&s->told, "%s", part[3]);
}

static const struct {
	const char *word;
	void (*hear)(struct session *s, char *text);
} words[] = {
	{ "work ", hear_work },	    { "note ", hear_note }, { "progress ", hear_progress },
	{ "result ", hear_result }, { "name ", hear_name }, { "error ", hear_error },
};

static void hear(struct session *s, char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_has_prefix(line, words[i].word)) {
			words[i].hear(s, line + strlen(words[i].word));
			return;
		}
	}
	if (line[0])
		(void)snprintf(s->last_words, sizeof(s->last_words), "%s", line);
}

/* Until the helper closes its end, which it does by ending. */
static int listen_all(struct session *s, int fd, struct error *err)
{
	CLEANUP_STR char *line = xmalloc(LINE_SIZE);
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, line + have, LINE_SIZE - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "cannot read from " HELPER);
		if (n == 0)
			return 0;
		have += (size_t)n;
		line[have] = '\0';
		char *start = line, *end;
		while ((end = strchr(start, '\n'))) {
			*end = '\0';
			hear(s, start);
			start = end + 1;
		}
		have = strlen(start);
		memmove(line, start, have);
		if (have == LINE_SIZE - 1)
			return error_set(err, EPROTO, HELPER " does not keep to its protocol");
	}
}

/* ---- the process ---- */

#define EXIT_NO_EXEC 127

/* In the child, between fork and exec. Standard error goes where the lines go. */
static NORETURN void become_helper(const char *program, char *const argv[], int out)
{
	char *const envp[] = { (char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/bin:/bin", NULL };
	sigset_t none;
	sigemptyset(&none);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
		(void)syscall(SYS_close_range, 3U, ~0U, 0U);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		/* our death, by ^C or SIGKILL, ends it: it cleans up and leaves */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)execve(program, argv, envp);
	}
	_exit(EXIT_NO_EXEC);
}

static int helper_spawn(char *const argv[], int *ret_pidfd, int *ret_out, struct error *err)
{
	char program[PATH_MAX];
	int r = libexec_find(HELPER, program, sizeof(program));
	if (r < 0) {
		error_set(err, ENOENT, "the program that unpacks images, " HELPER ", is not there");
		error_hint(err, "install contexe completely, or set CONTEXE_LIBEXECDIR to the "
				"directory that holds it");
		return -ENOENT;
	}
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int in = ends[0], out = ends[1];
	if (out < 3) { /* a caller with closed standard descriptors */
		int higher = fcntl(out, F_DUPFD_CLOEXEC, 3);
		if (higher < 0)
			return error_sys(err, errno, "cannot make a pipe");
		fd_close(out);
		out = higher;
	}
	pid_t pid = sys_fork(0, -1, ret_pidfd);
	if (pid == 0)
		become_helper(program, argv, out);
	if (pid < 0)
		return error_sys(err, -pid, "cannot start " HELPER);
	*ret_out = take_fd(&in);
	return 0;
}

/* How it ended, where it did not say so itself. */
static int judge_end(const struct session *s, const siginfo_t *info, struct error *err)
{
	bool killed = info->si_code != CLD_EXITED;

	if (s->told.err) {
		if (err)
			*err = s->told;
		return -s->told.err;
	}
	if (!killed && info->si_status == 0 && s->ret->id[0])
		return 0;
	if (killed && info->si_status == SIGKILL) {
		error_set(err, EINTR, HELPER " was killed");
		error_hint(err, "if nobody did it on purpose, memory ran out: see the kernel log");
		return -EINTR;
	}
	if (killed)
		error_set(err, EIO, HELPER " died of signal %d (%s)", info->si_status,
			  strsignal(info->si_status));
	else
		error_set(err, EIO, HELPER " ended with status %d and said no more",
			  info->si_status);
	if (s->last_words[0])
		error_hint(err, "its last words: %s", s->last_words);
	return -EIO;
}

int unpacker_run(const char *store_dir, const char *path, const char *name, bool rootless,
		 image_progress_fn *progress, void *progress_arg, struct unpacked *ret,
		 struct error *err)
{
	struct session s = { .ret = ret, .progress = progress, .progress_arg = progress_arg };
	CLEANUP_FD int out = FD_NONE, pidfd = FD_NONE;
	const char *argv[8] = { HELPER };
	size_t n = 1;
	if (rootless)
		argv[n++] = "--rootless";
	argv[n++] = "--";
	argv[n++] = store_dir;
	argv[n++] = path;
	if (name)
		argv[n++] = name;

	int r = helper_spawn((char *const *)argv, &pidfd, &out, err);
	if (r < 0)
		return r;
	r = listen_all(&s, out, err);
	if (r < 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	siginfo_t info = { 0 };
	int w = sys_pidfd_wait(pidfd, &info, WEXITED);
	if (r < 0)
		return r;
	if (w < 0 && s.told.err == 0 && ret->id[0]) /* SIGCHLD ignored: nothing to wait for */
		return 0;
	if (w < 0 && s.told.err == 0)
		return error_sys(err, -w, "cannot learn how " HELPER " ended");
	return judge_end(&s, &info, err);
}
