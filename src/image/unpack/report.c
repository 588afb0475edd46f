/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - see report.h. The one global here is what a signal handler can reach. */
#include "image/unpack/report.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/timestamp.h"

#define PROGRESS_NS 100000000u

static volatile sig_atomic_t interrupted;

static void on_signal(int sig UNUSED)
{
	interrupted = 1;
}

void report_start(void)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction catch = { .sa_handler = on_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		(void)sigaction(ends[i], &catch, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

bool report_interrupted(void)
{
	return interrupted;
}

/* One write a line. keep_tabs: they part the fields; all other control characters, which may come from a
 * hostile name, become '?'. */
static void put_line(const char *word, char *text, bool keep_tabs)
{
	char line[4096];
	for (char *p = text; *p; p++) {
		if (((unsigned char)*p < ' ' && !(keep_tabs && *p == '\t')) || *p == 0x7f)
			*p = '?';
	}
	int n = snprintf(line, sizeof(line), "%s %s\n", word, text);
	size_t len = MIN((size_t)n, sizeof(line) - 1);
	line[len - 1] = '\n';
	if (fd_write_all(STDOUT_FILENO, line, len) < 0)
		interrupted = 1;
}

static void put(const char *word, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(const char *word, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_line(word, text, false);
}

void report_work(const char *name)
{
	put("work", "%s", name);
}

void report_progress(unsigned layer, unsigned layers, uint64_t done, uint64_t total)
{
	static uint64_t last;
	uint64_t now = timestamp_now_monotonic();
	if (done != total && now - last < PROGRESS_NS)
		return;
	last = now;
	put("progress", "%u %u %" PRIu64 " %" PRIu64, layer, layers, done, total);
}

void report_note(const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_line("note", text, false);
}

void report_name(const char *name)
{
	put("name", "%s", name);
}

void report_result(const char *id)
{
	put("result", "%s", id);
}

static void plain(char *field)
{
	for (char *p = field; *p; p++) {
		if (*p == '\t')
			*p = ' ';
	}
}

void report_error(const struct error *err)
{
	struct error e = *err;
	char text[sizeof(e) + 64];
	plain(e.what);
	plain(e.object);
	plain(e.why);
	plain(e.hint);
	(void)snprintf(text, sizeof(text), "%d %s\t%s\t%s\t%s", e.err, e.what, e.object, e.why,
		       e.hint);
	put_line("error", text, true);
}
