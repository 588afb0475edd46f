/* SPDX-License-Identifier: Apache-2.0 */
/*
 * library.c - a program that uses containers through <contexe.h> alone. Prints what it sees, one line a fact;
 * ends with 1 and the library's own words when something fails.
 *
 * usage: library STATE-ROOT ROOTFS
 */
#include <contexe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct contexe_error error;

static int check(int r)
{
	char line[1200];
	if (r >= 0)
		return r;
	fprintf(stderr, "%s\n", contexe_error_line(&error, line, sizeof(line)));
	exit(1);
}

static struct contexe_spec *make_spec(const char *rootfs)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	struct contexe_spec *spec = contexe_spec_new();
	check(contexe_spec_set(spec, "name", "embedded", &error));
	check(contexe_spec_set(spec, "number", "42", &error));
	check(contexe_spec_set(spec, "rootfs", rootfs, &error));
	check(contexe_spec_set(spec, "overlay", NULL, &error));
	check(contexe_spec_set_command(spec, argv, &error));
	return spec;
}

static const char *state_of(struct contexe *cx, const char *name)
{
	struct contexe_info info;
	check(contexe_info(cx, name, &info, &error));
	const char *state = contexe_state_name(info.state);
	contexe_info_done(&info);
	return state;
}

static void tell(struct contexe *cx, const char *word, const char *process, const char *context)
{
	struct contexe_pid_answer a;
	check(contexe_pid_translate(cx, process, context, CONTEXE_PID, &a, &error));
	if (!a.visible)
		printf("%s -1\n", word);
	else
		printf("%s vpid %d %s visible%s\n", word, a.vpid, a.name,
		       a.crosses ? " crosses" : "");
}

static size_t count_processes(struct contexe *cx, const char *name)
{
	struct contexe_process *p;
	size_t n;
	check(contexe_processes(cx, name, &p, &n, &error));
	contexe_processes_free(p, n);
	return n;
}

static size_t count_containers(struct contexe *cx)
{
	struct contexe_info *infos;
	size_t n;
	check(contexe_list(cx, &infos, &n, &error));
	contexe_info_free(infos, n);
	return n;
}

int main(int argc, char **argv)
{
	struct contexe *cx;
	char *name;
	int status = -1;
	if (argc != 3)
		return 2;
	check(contexe_open(argv[1], &cx, &error));
	struct contexe_spec *spec = make_spec(argv[2]);
	check(contexe_create(cx, spec, &name, &error));
	contexe_spec_free(spec);
	printf("created %s\n", name);
	printf("state %s", state_of(cx, name));
	check(contexe_start(cx, name, &error));
	printf(" %s", state_of(cx, name));
	size_t n = count_processes(cx, name);
	char self[] = "<0|1>";
	struct contexe_pid_answer answers[1];
	check(contexe_pid_translate(cx, "<42|2>", NULL, CONTEXE_TGID, answers, &error));
	check(contexe_stop(cx, name, 5, &error));
	check(contexe_wait(cx, name, 5000, &status, &error));
	printf(" %s\n", state_of(cx, name));
	printf("processes %zu\nstatus %d\n", n, status);
	check(contexe_start(cx, name, &error));
	tell(cx, "translated", "<42|2>", NULL);
	tell(cx, "inside", "<42|2>", name);
	tell(cx, "outsider", self, name);
	check(contexe_remove(cx, name, true, &error));
	if (contexe_info(cx, name, &(struct contexe_info){ 0 }, &error) < 0)
		printf("error %s\n", error.why);
	printf("left %zu\n", count_containers(cx));
	free(name);
	contexe_close(cx);
	return 0;
}
