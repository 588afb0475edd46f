/* SPDX-License-Identifier: Apache-2.0 */
/* proc_timers.c - see proc_timers.h. */
#include "checkpoint/kind/proc_timers.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

/* "signal/pid.77", "none/pid.77", "thread/pid.77", "signal/tid.78" */
static int notify_parse(const char *text, struct proc_timer *t)
{
	static const struct {
		const char *word;
		int notify;
	} words[] = { { "signal/", SIGEV_SIGNAL },
		      { "none/", SIGEV_NONE },
		      { "thread/", SIGEV_THREAD } };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i].word);
		if (strncmp(text, words[i].word, n) != 0)
			continue;
		if (sscanf(text + n, "tid.%d", &t->target) == 1)
			t->notify = words[i].notify | SIGEV_THREAD_ID;
		else if (sscanf(text + n, "pid.%d", &t->target) == 1)
			t->notify = words[i].notify;
		else
			return -EINVAL;
		return 0;
	}
	return -EINVAL;
}

static int compare(const void *a, const void *b)
{
	const struct proc_timer *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

int proc_timers_parse(const char *text, struct arena *arena, struct proc_timer **ret, size_t *ret_n)
{
	static const char id_key[] = "ID: ", signal_key[] = "signal: ", notify_key[] = "notify: ",
			  clock_key[] = "ClockID: ";
	struct proc_timer *v = NULL;
	size_t n = 0;
	unsigned seen = 0xf; /* of the four lines that each has */
	for (const char *line = text; line && *line;) {
		struct proc_timer *t = n ? &v[n - 1] : NULL;
		if (strncmp(line, id_key, 4) == 0) {
			if (seen != 0xf)
				return -EINVAL;
			t = arena_push(arena, v, n);
			if (sscanf(line + 4, "%" SCNd32, &t->id) != 1 || t->id < 0)
				return -EINVAL;
			seen = 1;
		} else if (t && strncmp(line, signal_key, sizeof(signal_key) - 1) == 0) {
			if (sscanf(line, "signal: %" SCNd32 "/%" SCNx64, &t->signal, &t->value) !=
			    2)
				return -EINVAL;
			seen |= 2;
		} else if (t && strncmp(line, notify_key, sizeof(notify_key) - 1) == 0) {
			if (notify_parse(line + sizeof(notify_key) - 1, t) < 0)
				return -EINVAL;
			seen |= 4;
		} else if (t && strncmp(line, clock_key, sizeof(clock_key) - 1) == 0) {
			if (sscanf(line, "ClockID: %" SCNd32, &t->clock) != 1)
				return -EINVAL;
			seen |= 8;
		} else {
			return -EINVAL;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (seen != 0xf)
		return -EINVAL;
	if (n)
		qsort(v, n, sizeof(*v), compare);
	*ret = v;
	*ret_n = n;
	return 0;
}
