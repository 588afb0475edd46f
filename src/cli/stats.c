/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - contexe stats, contexe top. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/commands.h"

struct sample {
	struct contexe_info info;
	struct contexe_stats now, before;
	bool good;
};

struct samples {
	struct sample *v;
	size_t n;
};

static void add_sample(struct cli *cli, struct samples *s, struct contexe_info info,
		       const struct samples *old)
{
	struct sample *x;
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
	x = &s->v[s->n++];
	*x = (struct sample){ .info = info };
	x->good = contexe_stats(cli->cx, info.name, &x->now, NULL) == 0;
	x->before = x->now;
	for (size_t i = 0; old && i < old->n; i++)
		if (!strcmp(old->v[i].info.name, info.name) && old->v[i].good)
			x->before = old->v[i].now;
}

static void samples_done(struct samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		contexe_info_done(&s->v[i].info);
	free(s->v);
	*s = (struct samples){ 0 };
}

static int take_samples(struct cli *cli, int argc, char **argv, const struct samples *old,
			struct samples *ret)
{
	struct contexe_error err = { 0 };
	struct contexe_info *infos;
	size_t n;
	*ret = (struct samples){ 0 };
	for (int i = 0; i < argc; i++) {
		struct contexe_info info;
		struct contexe_stats probe;
		if (contexe_info(cli->cx, argv[i], &info, &err) < 0)
			return cli_error(cli, &err);
		if (contexe_stats(cli->cx, argv[i], &probe, &err) < 0) {
			contexe_info_done(&info);
			return cli_error(cli, &err);
		}
		add_sample(cli, ret, info, old);
	}
	if (argc)
		return 0;
	if (contexe_list(cli->cx, &infos, &n, &err) < 0)
		return cli_error(cli, &err);
	for (size_t i = 0; i < n; i++) {
		if (infos[i].init)
			add_sample(cli, ret, infos[i], old);
		else
			contexe_info_done(&infos[i]);
	}
	free(infos);
	return 0;
}

static double cpu_percent(const struct sample *s)
{
	uint64_t wall = s->now.time - s->before.time;
	uint64_t cpu = s->now.cpu_ns > s->before.cpu_ns ? s->now.cpu_ns - s->before.cpu_ns : 0;
	return wall ? 100.0 * (double)cpu / (double)wall : 0;
}

static void limit(struct table *t, uint64_t value)
{
	char text[16];
	if (value == UINT64_MAX)
		table_cell(t, "-");
	else
		table_cell(t, "%s", format_size(value, text, sizeof(text)));
}

static void print_json(const struct samples *s)
{
	struct buf out = BUF_INIT;
	buf_putc(&out, '[');
	for (size_t i = 0; i < s->n; i++) {
		const struct contexe_stats *n = &s->v[i].now;
		if (!s->v[i].good)
			continue;
		buf_puts(&out, out.data[out.len - 1] == '}' ? ",{" : "{");
		json_add(&out, "name", s->v[i].info.name);
		json_add_unsigned(&out, "number", s->v[i].info.number);
		json_key(&out, "cpuPercent");
		buf_printf(&out, "%.2f", cpu_percent(&s->v[i]));
		json_add_unsigned(&out, "cpuNs", n->cpu_ns);
		json_add_unsigned(&out, "cpuUserNs", n->cpu_user_ns);
		json_add_unsigned(&out, "cpuSystemNs", n->cpu_system_ns);
		json_add_unsigned(&out, "cpuThrottledNs", n->cpu_throttled_ns);
		json_add_unsigned(&out, "memory", n->memory);
		json_key(&out, "memoryLimit");
		if (n->memory_limit == UINT64_MAX)
			buf_puts(&out, "null");
		else
			buf_printf(&out, "%llu", (unsigned long long)n->memory_limit);
		json_add_unsigned(&out, "memoryPeak", n->memory_peak);
		json_add_unsigned(&out, "swap", n->swap);
		json_add_unsigned(&out, "pids", n->pids);
		json_key(&out, "pidsLimit");
		if (n->pids_limit == UINT64_MAX)
			buf_puts(&out, "null");
		else
			buf_printf(&out, "%llu", (unsigned long long)n->pids_limit);
		json_add_unsigned(&out, "readBytes", n->read_bytes);
		json_add_unsigned(&out, "writtenBytes", n->written_bytes);
		json_add_unsigned(&out, "oomKills", n->oom_kills);
		json_add_bool(&out, "fromProcesses", n->from_processes);
		buf_putc(&out, '}');
	}
	buf_putc(&out, ']');
	print_buf(&out);
}

static void print_table(const struct samples *s)
{
	static const char *const titles[] = { "NUMBER", "NAME", "CPU%", "CPU TIME", "MEMORY",
					      "LIMIT",	"PIDS", "READ", "WRITTEN" };
	struct table t;
	char text[16];
	table_init(&t, titles, ARRAY_SIZE(titles));
	t.right = 0x1fc;
	for (size_t i = 0; i < s->n; i++) {
		const struct sample *x = &s->v[i];
		if (!x->good)
			continue;
		table_cell(&t, "%u", x->info.number);
		table_cell(&t, "%s", x->info.name);
		table_cell(&t, "%.1f", cpu_percent(x));
		table_cell(&t, "%.2fs", (double)x->now.cpu_ns / 1e9);
		table_cell(&t, "%s", format_size(x->now.memory, text, sizeof(text)));
		limit(&t, x->now.memory_limit);
		table_cell(&t, "%llu", (unsigned long long)x->now.pids);
		table_cell(&t, "%s", format_size(x->now.read_bytes, text, sizeof(text)));
		table_cell(&t, "%s", format_size(x->now.written_bytes, text, sizeof(text)));
	}
	table_print(&t);
}

static void pause_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
	(void)nanosleep(&ts, NULL);
}

/* Two readings an interval apart make a percentage; on a terminal it goes on, else once is enough. */
static int watch(struct cli *cli, int argc, char **argv, bool once, uint64_t interval)
{
	struct samples old, now;
	int code = take_samples(cli, argc, argv, NULL, &old);
	if (code) {
		samples_done(&old);
		return code;
	}
	for (bool first = true;; first = false) {
		pause_ns(first && interval > 200000000 ? 200000000 : interval);
		code = take_samples(cli, argc, argv, &old, &now);
		samples_done(&old);
		if (code == 0 && !cli->json && !once && use_color(1))
			fputs("\033[H\033[2J", stdout);
		if (code == 0 && cli->json)
			print_json(&now);
		else if (code == 0)
			print_table(&now);
		old = now;
		if (fflush(stdout) != 0 || once || code) {
			samples_done(&old);
			return code;
		}
	}
}

static int stats_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[3];
	uint64_t interval = 1000000000;
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && slots[1] &&
	    (parse_duration(slots[1], &interval) < 0 || interval < 10000000))
		code = cli_usage(cli, "'%s' is not an interval of at least 10ms", slots[1]);
	if (code == 0)
		code = cli_open(cli);
	bool stream = slots[2] != NULL;
	bool once = slots[0] || (!stream && (cli->json || !isatty(1)));
	return code ? code : watch(cli, argc, argv, once, interval);
}

static const struct cli_option stats_options[] = {
	{ "once", 0, NULL, "one reading, then end (default when no terminal reads)", NULL },
	{ "interval", 0, "TIME", "between two readings (default: 1s)", NULL },
	{ "stream", 0, NULL, "go on, also into a pipe", NULL },
};
const struct command command_stats = {
	.name = "stats",
	.usage = "[OPTIONS] [NAME...]",
	.summary = "what containers use: processor, memory, processes, disk",
	.examples = "  contexe stats\n  contexe stats --once --json web\n",
	.complete = "container",
	.options = stats_options,
	.n_options = ARRAY_SIZE(stats_options),
	.run = stats_main,
};

/* ---- top: the processes of one container, the busiest first ---- */

static const struct contexe_process *find(const struct contexe_process *p, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].pid == pid)
			return &p[i];
	return NULL;
}

struct busy {
	const struct contexe_process *p;
	double percent;
};

static int by_percent(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;
	if (x->percent != y->percent)
		return x->percent < y->percent ? 1 : -1;
	return x->p->pid < y->p->pid ? -1 : 1;
}

static void print_top(struct cli *cli, const struct contexe_process *now, size_t n,
		      const struct contexe_process *before, size_t n_before, double seconds)
{
	static const char *const titles[] = { "SPACE", "VPID", "PID", "UID",	"S",
					      "CPU%",  "TIME", "RSS", "COMMAND" };
	struct busy *rows = xcalloc(n + 1, sizeof(*rows));
	double ticks = (double)sysconf(_SC_CLK_TCK);
	struct table t;
	struct buf out = BUF_INIT;
	char text[16];
	for (size_t i = 0; i < n; i++) {
		const struct contexe_process *b = find(before, n_before, now[i].pid);
		rows[i].p = &now[i];
		rows[i].percent =
			b && seconds > 0
				? 100 * (double)(now[i].cpu_ticks - b->cpu_ticks) / ticks / seconds
				: 0;
	}
	qsort(rows, n, sizeof(*rows), by_percent);
	table_init(&t, titles, ARRAY_SIZE(titles));
	t.right = 0xee;
	buf_putc(&out, '[');
	for (size_t i = 0; i < n; i++) {
		const struct contexe_process *p = rows[i].p;
		table_cell(&t, "%s", p->pidspace);
		table_cell(&t, "%d", p->vpid);
		table_cell(&t, "%d", p->pid);
		table_cell(&t, "%d", (int)p->uid);
		table_cell(&t, "%c", p->state);
		table_cell(&t, "%.1f", rows[i].percent);
		table_cell(&t, "%.2f", (double)p->cpu_ticks / ticks);
		table_cell(&t, "%s", format_size(p->rss, text, sizeof(text)));
		table_cell(&t, "%.80s", p->cmdline);
		buf_puts(&out, i ? ",{" : "{");
		json_add(&out, "pidspace", p->pidspace);
		json_add_number(&out, "vpid", p->vpid);
		json_add_number(&out, "pid", p->pid);
		json_key(&out, "cpuPercent");
		buf_printf(&out, "%.1f", rows[i].percent);
		json_add_unsigned(&out, "rss", p->rss);
		json_add(&out, "command", p->cmdline);
		buf_putc(&out, '}');
	}
	buf_putc(&out, ']');
	if (cli->json)
		print_buf(&out);
	else
		table_print(&t);
	buf_done(&out);
	free(rows);
}

static int top_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[2];
	uint64_t interval = 1000000000;
	struct contexe_error err = { 0 };
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc != 1)
		code = cli_usage(cli, "it takes one container");
	if (code == 0 && slots[1] &&
	    (parse_duration(slots[1], &interval) < 0 || interval < 10000000))
		code = cli_usage(cli, "'%s' is not an interval of at least 10ms", slots[1]);
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	bool once = slots[0] || cli->json || !isatty(1);
	struct contexe_process *before, *now;
	size_t n_before, n;
	if (contexe_processes(cli->cx, argv[0], &before, &n_before, &err) < 0)
		return cli_error(cli, &err);
	for (;;) {
		pause_ns(interval);
		if (contexe_processes(cli->cx, argv[0], &now, &n, &err) < 0) {
			contexe_processes_free(before, n_before);
			return cli_error(cli, &err);
		}
		if (!once && use_color(1))
			fputs("\033[H\033[2J", stdout);
		print_top(cli, now, n, before, n_before, (double)interval / 1e9);
		contexe_processes_free(before, n_before);
		before = now;
		n_before = n;
		if (fflush(stdout) != 0 || once)
			break;
	}
	contexe_processes_free(before, n_before);
	return 0;
}

static const struct cli_option top_options[] = {
	{ "once", 0, NULL, "one reading, then end (default when no terminal reads)", NULL },
	{ "interval", 0, "TIME", "between two readings (default: 1s)", NULL },
};
const struct command command_top = {
	.name = "top",
	.usage = "[OPTIONS] NAME",
	.summary = "the busiest processes of a container",
	.examples = "  contexe top web\n  contexe top --once --interval 200ms web\n",
	.complete = "container",
	.options = top_options,
	.n_options = ARRAY_SIZE(top_options),
	.run = top_main,
};
