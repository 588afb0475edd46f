/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat.c - /proc/stat: the time that the container used on the processors that it sees; what it did not use was idle. The
 * kernel counts a group's time for all processors together, so each has an equal share. Interrupts and switches are the
 * machine's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "procview/text.h"
#include "procview/view.h"

#define SECOND 1000000000u

static uint64_t ticks(uint64_t ns)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	return ns / SECOND * hz + ns % SECOND * hz / SECOND;
}

/* Of n processors together. */
static void put_times(const struct facts *f, struct buf *out, uint64_t n, uint64_t share)
{
	uint64_t user = f->cpu_user / share, system = f->cpu_system / share;
	uint64_t all = f->uptime * n, used = user + system;
	buf_printf(out, " %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", ticks(user),
		   ticks(system), ticks(all > used ? all - used : 0));
}

static bool is_cpu(const struct text_line *line, size_t key, uint64_t *ret)
{
	char *end;
	if (key < 4 || line->at[0] != 'c' || line->at[1] != 'p' || line->at[2] != 'u')
		return false;
	*ret = strtoull(line->at + 3, &end, 10);
	return end == line->at + key;
}

static void put_number(struct buf *out, const char *name, uint64_t value)
{
	buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

int view_stat(const struct facts *f, struct buf *out)
{
	uint64_t n = facts_cpus(f), cpu;
	const char *text = f->kernel;
	struct text_line line;

	while (text_next(&text, &line)) {
		size_t key = text_key(&line, ' ');
		if (text_is(&line, key, "cpu")) {
			buf_puts(out, "cpu ");
			put_times(f, out, n, 1);
		} else if (is_cpu(&line, key, &cpu)) {
			if (!facts_has_cpu(f, cpu))
				continue;
			buf_printf(out, "cpu%" PRIu64, cpu);
			put_times(f, out, 1, n);
		} else if (text_is(&line, key, "btime")) {
			put_number(out, "btime", f->wall - f->uptime / SECOND);
		} else if (text_is(&line, key, "procs_running")) {
			put_number(out, "procs_running", f->running ? f->running : 1);
		} else if (text_is(&line, key, "procs_blocked")) {
			put_number(out, "procs_blocked", f->blocked);
		} else {
			buf_add(out, line.at, line.size);
			buf_putc(out, '\n');
		}
	}
	return 0;
}
