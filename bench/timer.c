/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - times commands against each other: in rounds, each round in another order, so that whatever
 * else the machine does meets all of them alike. Small itself: vfork, exec, wait4, two looks at the clock.
 *
 * usage: timer [-r ROUNDS] [-w WARMUPS] [-b BATCH] [-p PARALLEL] [-s SEED] [-t SECONDS] [-e FILE]
 *   stdin   one command a line: NAME, then its arguments, separated by tabs. "%n" in an argument becomes a
 *           number that no other run has.
 *   stdout  one measurement a line, separated by tabs: NAME, wall nanoseconds, CPU microseconds (of the
 *           processes it waited for, too), largest resident set in KiB, exit status (128+signal; the worst
 *           of a batch). Warm-up rounds are not written unless a command fails.
 *   -b/-p   a measurement is BATCH runs, PARALLEL of them at a time (1 and 1)
 *   -t      a run that takes longer is killed (30)
 *   -e      where the commands' stderr goes (/dev/null)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 32
#define MAX_ARGS     64
#define MAX_PARALLEL 256

struct command {
	char *name;
	char *args[MAX_ARGS + 1];
};

struct options {
	unsigned rounds, warmups, batch, parallel, limit;
	uint64_t seed;
	int null, errors; /* descriptors */
};

struct sample {
	uint64_t wall_ns, cpu_us;
	long max_rss;
	int status;
};

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "timer: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- the commands --- */

static size_t read_commands(struct command *commands)
{
	char *line = NULL;
	size_t cap = 0, n = 0;
	while (n < MAX_COMMANDS && getline(&line, &cap, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		char *rest = strdup(line), *word;
		struct command *c = &commands[n];
		size_t n_args = 0;
		c->name = strsep(&rest, "\t");
		while (n_args < MAX_ARGS && (word = strsep(&rest, "\t")))
			c->args[n_args++] = word;
		if (n_args > 0)
			n++;
	}
	free(line);
	return n;
}

/* The arguments with every "%n" replaced. What is new is kept until the next call. */
static char **number_args(const struct command *c, unsigned long number)
{
	static char *out[MAX_ARGS + 1];
	static char text[MAX_ARGS][512];
	for (size_t i = 0; (out[i] = c->args[i]); i++) {
		char *at = strstr(c->args[i], "%n");
		if (!at)
			continue;
		(void)snprintf(text[i], sizeof(text[i]), "%.*s%lu%s", (int)(at - c->args[i]),
			       c->args[i], number, at + 2);
		out[i] = text[i];
	}
	return out;
}

/* --- running --- */

static pid_t start(char *const *argv, const struct options *o)
{
	pid_t pid = vfork();
	if (pid == 0) {
		(void)dup2(o->null, 0);
		(void)dup2(o->null, 1);
		(void)dup2(o->errors, 2);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	return pid;
}

static volatile sig_atomic_t late;

static void on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

struct running {
	pid_t pids[MAX_PARALLEL];
	unsigned n;
};

static void wait_one(struct running *run, struct sample *s)
{
	struct rusage ru;
	int status;
	pid_t pid;
	while ((pid = wait4(-1, &status, 0, &ru)) < 0 && errno == EINTR)
		for (unsigned i = 0; late && i < run->n; i++)
			(void)kill(run->pids[i], SIGKILL);
	if (pid < 0)
		die("wait4");
	for (unsigned i = 0; i < run->n; i++)
		if (run->pids[i] == pid)
			run->pids[i] = run->pids[--run->n];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	s->cpu_us += (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000u +
		     (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
	s->max_rss = ru.ru_maxrss > s->max_rss ? ru.ru_maxrss : s->max_rss;
	s->status = code > s->status ? code : s->status;
}

static struct sample measure(const struct command *c, const struct options *o)
{
	static unsigned long number;
	struct sample s = { 0 };
	struct running run = { .n = 0 };
	late = 0;
	(void)alarm(o->limit);
	uint64_t begin = now_ns();
	for (unsigned i = 0; i < o->batch; i++) {
		while (run.n == o->parallel)
			wait_one(&run, &s);
		run.pids[run.n++] = start(number_args(c, number++), o);
	}
	while (run.n > 0)
		wait_one(&run, &s);
	s.wall_ns = now_ns() - begin;
	(void)alarm(0);
	return s;
}

/* --- rounds --- */

static uint64_t next_random(uint64_t *state) /* xorshift64 */
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void shuffle(size_t *order, size_t n, uint64_t *state)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)(next_random(state) % i), t = order[i - 1];
		order[i - 1] = order[k];
		order[k] = t;
	}
}

static void run_rounds(const struct command *commands, size_t n, struct options *o)
{
	size_t order[MAX_COMMANDS];
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (unsigned round = 0; round < o->warmups + o->rounds; round++) {
		shuffle(order, n, &o->seed);
		for (size_t i = 0; i < n; i++) {
			const struct command *c = &commands[order[i]];
			struct sample s = measure(c, o);
			if (round < o->warmups && s.status == 0)
				continue;
			(void)printf("%s\t%llu\t%llu\t%ld\t%d\n", c->name,
				     (unsigned long long)s.wall_ns, (unsigned long long)s.cpu_us,
				     s.max_rss, s.status);
		}
	}
	if (fflush(stdout) != 0)
		die("stdout");
}

static unsigned parse_number(const char *text, unsigned min, unsigned max)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	if (*end || end == text || errno || v < min || v > max) {
		(void)fprintf(stderr, "timer: %s: not a number from %u to %u\n", text, min, max);
		exit(2);
	}
	return (unsigned)v;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	const char *errors = "/dev/null";
	int c;
	while ((c = getopt(argc, argv, "r:w:b:p:s:t:e:")) != -1) {
		switch (c) {
		case 'r':
			o->rounds = parse_number(optarg, 1, 1000000);
			break;
		case 'w':
			o->warmups = parse_number(optarg, 0, 1000);
			break;
		case 'b':
			o->batch = parse_number(optarg, 1, 1000000);
			break;
		case 'p':
			o->parallel = parse_number(optarg, 1, MAX_PARALLEL);
			break;
		case 's':
			o->seed = parse_number(optarg, 1, UINT32_MAX);
			break;
		case 't':
			o->limit = parse_number(optarg, 1, 86400);
			break;
		case 'e':
			errors = optarg;
			break;
		default:
			exit(2);
		}
	}
	o->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	o->errors = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (o->null < 0 || o->errors < 0)
		die(errors);
}

int main(int argc, char **argv)
{
	struct options o = {
		.rounds = 100, .warmups = 3, .batch = 1, .parallel = 1, .limit = 30, .seed = 1
	};
	parse_options(argc, argv, &o);
	struct sigaction act = { .sa_handler = on_alarm }; /* no SA_RESTART: it ends wait4 */
	(void)sigaction(SIGALRM, &act, NULL);
	static struct command commands[MAX_COMMANDS];
	size_t n = read_commands(commands);
	if (n == 0) {
		(void)fputs("timer: no commands on the standard input\n", stderr);
		return 2;
	}
	run_rounds(commands, n, &o);
	return 0;
}
