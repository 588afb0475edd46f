/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - contexe checkpoint, restore, verify: a container is written down, comes back. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"

/* ---- what stands in the way ---- */

static void print_refusals_json(const struct contexe_checkpoint_result *r, struct buf *out)
{
	json_key(out, "refusals");
	buf_putc(out, '[');
	for (size_t i = 0; i < r->n_refusals; i++) {
		const struct contexe_refusal *f = &r->refusals[i];
		buf_puts(out, i ? ",{" : "{");
		json_add_number(out, "pid", f->vpid);
		json_add_number(out, "hostPid", f->pid);
		json_add(out, "comm", f->comm);
		json_add(out, "object", f->object);
		json_add(out, "why", f->why);
		json_add(out, "remedy", f->remedy);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

static void print_refusals(const struct contexe_checkpoint_result *r, FILE *to)
{
	for (size_t i = 0; i < r->n_refusals; i++) {
		const struct contexe_refusal *f = &r->refusals[i];
		if (f->vpid)
			fprintf(to, "pid %d (%s): ", f->vpid, f->comm);
		fprintf(to, "%s: %s%s%s\n", f->object, f->why, f->remedy[0] ? "; " : "", f->remedy);
	}
}

int checkpoint_look(struct cli *cli, const char *ref, enum contexe_tcp tcp)
{
	struct contexe_checkpoint_options opt = { .dry_run = true, .output_fd = -1, .tcp = tcp };
	struct contexe_checkpoint_result res;
	struct contexe_error err = { 0 };
	int code = 0;
	int r = contexe_checkpoint(cli->cx, ref, &opt, &res, &err);
	if (r < 0 && !res.n_refusals) {
		code = cli_error(cli, &err);
	} else if (cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add_bool(&out, "possible", r == 0);
		json_add_unsigned(&out, "processes", res.processes);
		json_add_unsigned(&out, "threads", res.threads);
		json_add_unsigned(&out, "files", res.files);
		print_refusals_json(&res, &out);
		buf_putc(&out, '}');
		print_buf(&out);
		code = r < 0;
	} else {
		print_refusals(&res, stdout);
		if (r == 0 && !cli->quiet)
			printf("%s can be checkpointed: %u processes, %u threads, %u open files\n",
			       ref, res.processes, res.threads, res.files);
		code = r < 0;
	}
	contexe_checkpoint_result_free(&res);
	return code;
}

/* ---- checkpoint ---- */

enum { C_OUTPUT, C_LEAVE, C_TIMEOUT, C_DRY, C_TCP, C_STREAM, C_LAYER, C_NO_LAYER, C_N };
static const struct cli_option checkpoint_options[] = {
	[C_OUTPUT] = { "output", 'o', "FILE", "write the image there (-: standard output)",
		       "file" },
	[C_LEAVE] = { "leave-running", 0, NULL, "let the container go on afterwards", NULL },
	[C_TIMEOUT] = { "timeout", 0, "TIME",
			"how long stopping its processes may take (default: 10s)", NULL },
	[C_DRY] = { "dry-run", 0, NULL, "only look for what stands in the way", NULL },
	[C_TCP] = { "tcp", 0, "close|keep", "what becomes of connections to the outside",
		    "close keep" },
	[C_STREAM] = { "stream", 0, NULL, "write the image to standard output, as -o -", NULL },
	[C_LAYER] = { "rootfs-diff", 0, NULL,
		      "pack the private layer of the root into the image (default with -o)", NULL },
	[C_NO_LAYER] = { "no-rootfs-diff", 0, NULL, "leave the private layer out of the image",
			 NULL },
};

static int read_tcp(struct cli *cli, const char *text, enum contexe_tcp *ret)
{
	*ret = CONTEXE_TCP_REFUSE;
	if (!text)
		return 0;
	if (!strcmp(text, "close"))
		*ret = CONTEXE_TCP_CLOSE;
	else if (!strcmp(text, "keep"))
		*ret = CONTEXE_TCP_KEEP;
	else
		return cli_usage(cli, "--tcp is close or keep");
	return 0;
}

static int read_checkpoint(struct cli *cli, const char *const *slots,
			   struct contexe_checkpoint_options *opt)
{
	uint64_t ns;
	*opt = (struct contexe_checkpoint_options){
		.output = slots[C_STREAM] ? "-" : slots[C_OUTPUT],
		.output_fd = 1,
		.leave_running = slots[C_LEAVE],
		.dry_run = slots[C_DRY],
		.layer = slots[C_LAYER]	     ? 1
			 : slots[C_NO_LAYER] ? 0
					     : -1,
	};
	if (slots[C_LAYER] && slots[C_NO_LAYER])
		return cli_usage(cli, "--rootfs-diff and --no-rootfs-diff exclude each other");
	if (slots[C_TIMEOUT]) {
		if (parse_duration(slots[C_TIMEOUT], &ns) < 0 || ns / 1000000 == 0 ||
		    ns / 1000000 > 86400000)
			return cli_usage(cli, "--timeout is a time such as 500ms or 10s");
		opt->timeout_ms = (unsigned)(ns / 1000000);
	}
	if (opt->output && !strcmp(opt->output, "-") && isatty(1))
		return cli_usage(cli,
				 "the image would go to the terminal: redirect it, or use -o FILE");
	return read_tcp(cli, slots[C_TCP], &opt->tcp);
}

static void tell_checkpoint(const struct cli *cli, const char *ref,
			    const struct contexe_checkpoint_result *r)
{
	char size[32];
	if (cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "image", r->path);
		json_add_unsigned(&out, "size", r->size);
		json_add_unsigned(&out, "processes", r->processes);
		json_add_unsigned(&out, "threads", r->threads);
		json_add_unsigned(&out, "files", r->files);
		json_add_unsigned(&out, "frozenNs", r->frozen_ns);
		json_add_unsigned(&out, "totalNs", r->total_ns);
		buf_putc(&out, '}');
		print_buf(&out);
	} else if (!cli->quiet) {
		fprintf(stderr, "%s: %u processes, %s, stood still for %.1f ms\n", ref,
			r->processes, format_size(r->size, size, sizeof(size)),
			(double)r->frozen_ns / 1e6);
		if (r->path)
			puts(r->path);
	}
}

static int checkpoint_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[C_N];
	struct contexe_checkpoint_options opt;
	struct contexe_checkpoint_result res;
	struct contexe_error err = { 0 };
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code == 0 && argc != 1)
		code = cli_usage(cli, "it takes one container");
	if (code == 0)
		code = read_checkpoint(cli, slots, &opt);
	if (code == 0)
		code = cli_open(cli);
	if (code)
		return code;
	if (opt.dry_run)
		return checkpoint_look(cli, argv[0], opt.tcp);
	bool to_stdout = opt.output && !strcmp(opt.output, "-");
	/* writing beyond the limit is an error, which we tell, not an end (setrlimit(2)) */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (contexe_checkpoint(cli->cx, argv[0], &opt, &res, &err) < 0) {
		code = cli_error(cli, &err);
		if (res.n_refusals > 1 && !cli->json)
			print_refusals(&res, stderr);
	} else if (!to_stdout) {
		tell_checkpoint(cli, argv[0], &res);
	}
	contexe_checkpoint_result_free(&res);
	return code;
}

const struct command command_checkpoint = {
	.name = "checkpoint",
	.usage = "[OPTIONS] NAME",
	.summary = "write a running container down, to go on later or elsewhere",
	.examples =
		"  contexe checkpoint web                    ends it; contexe restore web goes on\n"
		"  contexe checkpoint -o web.img web         a file that another machine can "
		"restore\n"
		"  contexe checkpoint --leave-running -o snap.img db\n"
		"  contexe checkpoint --dry-run db           what would stand in the way?\n",
	.complete = "container",
	.options = checkpoint_options,
	.n_options = ARRAY_SIZE(checkpoint_options),
	.run = checkpoint_main,
};

/* ---- restore ---- */

struct restore_request {
	struct cli *cli;
	struct contexe_restore_options opt;
	const char **names;
	int *fds;
	size_t n;
};

/* NAME=FD or NAME=PATH. */
static int add_external(struct restore_request *q, const char *value)
{
	const char *eq = strchr(value, '=');
	int64_t number;
	if (!eq || eq == value)
		return cli_usage(q->cli, "--external is NAME=FD or NAME=PATH");
	int fd;
	if (parse_i64(eq + 1, 0, INT32_MAX, &number) == 0) {
		fd = fcntl((int)number, F_GETFD) < 0 ? -1 : (int)number;
	} else {
		fd = open(eq + 1, O_RDWR | O_CLOEXEC);
		if (fd < 0 && (errno == EACCES || errno == EISDIR || errno == EROFS))
			fd = open(eq + 1, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return cli_usage(q->cli, "--external %s: %s", value, strerror(errno));
	q->names = xrealloc(q->names, (q->n + 1) * sizeof(*q->names));
	q->fds = xrealloc(q->fds, (q->n + 1) * sizeof(*q->fds));
	char *name = xstrdup(value);
	name[eq - value] = '\0';
	q->names[q->n] = name;
	q->fds[q->n++] = fd;
	return 0;
}

static int set_restore(void *ctx, const char *name, const char *value)
{
	struct restore_request *q = ctx;
	int64_t number;
	if (!strcmp(name, "name"))
		q->opt.name = value;
	else if (!strcmp(name, "detach"))
		q->opt.detach = true;
	else if (!strcmp(name, "dry-run"))
		q->opt.dry_run = true;
	else if (!strcmp(name, "external"))
		return add_external(q, value);
	else if (!strcmp(name, "number")) {
		if (parse_i64(value, 1, UINT32_MAX, &number) < 0)
			return cli_usage(q->cli, "--number is a number from 1 on");
		q->opt.number = (unsigned)number;
	}
	return 0;
}

static int restore_go(struct restore_request *q, const char *image)
{
	struct contexe_error err = { 0 };
	CLEANUP_STR char *name = NULL;
	CLEANUP_STR char *text = NULL;
	int status = 0;
	q->opt.external_names = q->names;
	q->opt.external_fds = q->fds;
	q->opt.n_externals = q->n;
	if (contexe_restore(q->cli->cx, image, &q->opt, &status, &name, &text, &err) < 0)
		return cli_error(q->cli, &err);
	if (q->opt.dry_run) {
		fputs(text, stdout);
	} else if (q->opt.detach && q->cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "name", name);
		buf_putc(&out, '}');
		print_buf(&out);
	} else if (q->opt.detach) {
		puts(name);
	} else if (status < 0) {
		fprintf(stderr, "contexe: detached; 'contexe attach %s' goes back\n", name);
		status = 0;
	}
	return status;
}

static int restore_main(struct cli *cli, int argc, char **argv)
{
	struct restore_request q = { .cli = cli };
	int code = args_parse(cli, argc, argv, set_restore, &q, &argc, &argv);
	if (code == 0 && argc != 1)
		code = cli_usage(
			cli, "it takes one image: a file, or a container that was checkpointed");
	if (code == 0)
		code = cli_open(cli);
	if (code == 0)
		code = restore_go(&q, argv[0]);
	for (size_t i = 0; i < q.n; i++)
		free((char *)q.names[i]);
	free(q.names);
	free(q.fds);
	return code < 0 ? 0 : code;
}

static const struct cli_option restore_options[] = {
	{ "name", 0, "NAME", "its name (default: the one it had)", NULL },
	{ "number", 0, "N", "its number (default: the one it had, if that is free)", NULL },
	{ "detach", 'd', NULL, "go on in the background and print the name", NULL },
	{ "dry-run", 0, NULL, "only check the image, and show what would be done", NULL },
	{ "external", 0, "NAME=FD|PATH", "supply a thing that was handed in from outside", NULL },
};
const struct command command_restore = {
	.name = "restore",
	.usage = "[OPTIONS] FILE|NAME",
	.summary = "let a container go on from where it was written down",
	.examples = "  contexe restore web                       after contexe checkpoint web\n"
		    "  contexe restore -d --name web2 web.img\n"
		    "  contexe restore --dry-run web.img\n",
	.complete = "file",
	.options = restore_options,
	.n_options = ARRAY_SIZE(restore_options),
	.run = restore_main,
};

/* ---- verify ---- */

static int verify_main(struct cli *cli, int argc, char **argv)
{
	struct contexe_error err = { 0 };
	int worst = 0;
	int code = args_simple(cli, argc, argv, NULL, &argc, &argv);
	if (code == 0 && argc < 1)
		code = cli_usage(cli, "it takes image files");
	if (code)
		return code;
	for (int i = 0; i < argc; i++) {
		struct progress p = progress_of(cli);
		int r = contexe_checkpoint_verify(argv[i], progress_show, &p, &err);
		progress_end(&p);
		if (r < 0)
			worst = cli_error(cli, &err);
		else if (!cli->quiet)
			printf("%s: ok\n", argv[i]);
	}
	return worst;
}

const struct command command_verify = {
	.name = "verify",
	.usage = "FILE...",
	.summary = "check images of containers, every checksum and every rule",
	.examples = "  contexe verify web.img\n",
	.complete = "file",
	.run = verify_main,
};
