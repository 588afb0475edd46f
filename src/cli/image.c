/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - contexe image import|ls|rm|inspect. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"

static int import(struct cli *cli, int argc, char **argv, const char *name)
{
	struct contexe_error err = { 0 };
	struct progress p = progress_of(cli);
	char *id;
	if (argc != 1)
		return cli_usage(cli, "import takes one archive or directory");
	int r = contexe_image_import(cli->cx, argv[0], name, progress_show, &p, &id, &err);
	progress_end(&p);
	if (r < 0)
		return cli_error(cli, &err);
	if (cli->json) {
		struct buf out = BUF_INIT;
		buf_putc(&out, '{');
		json_add(&out, "id", id);
		buf_putc(&out, '}');
		print_buf(&out);
	} else {
		puts(id);
	}
	free(id);
	return 0;
}

static int list(struct cli *cli, int argc, char **argv, const char *name)
{
	static const char *const titles[] = { "NAME", "ID", "SIZE", "LAYERS", "CREATED" };
	struct contexe_error err = { 0 };
	struct contexe_image *images;
	size_t n;
	char text[16];
	(void)argv;
	(void)name;
	if (argc)
		return cli_usage(cli, "ls takes no arguments");
	if (contexe_image_list(cli->cx, &images, &n, &err) < 0)
		return cli_error(cli, &err);
	struct table t;
	struct buf out = BUF_INIT;
	table_init(&t, titles, ARRAY_SIZE(titles));
	buf_putc(&out, '[');
	for (size_t i = 0; i < n; i++) {
		if (cli->quiet)
			puts(images[i].id);
		table_cell(&t, "%s", *images[i].names ? images[i].names : "-");
		table_cell(&t, "%.12s", images[i].id);
		table_cell(&t, "%s", format_size(images[i].size, text, sizeof(text)));
		table_cell(&t, "%u", images[i].layers);
		table_cell(&t, "%.19s", images[i].created);
		buf_puts(&out, i ? ",{" : "{");
		json_add(&out, "id", images[i].id);
		json_add(&out, "names", images[i].names);
		json_add_unsigned(&out, "size", images[i].size);
		json_add_unsigned(&out, "layers", images[i].layers);
		json_add(&out, "created", images[i].created);
		json_add(&out, "imported", images[i].imported);
		json_add(&out, "architecture", images[i].architecture);
		buf_putc(&out, '}');
	}
	buf_putc(&out, ']');
	if (cli->json)
		print_buf(&out);
	else if (!cli->quiet)
		table_print(&t);
	contexe_image_free(images, n);
	return 0;
}

static int remove_one(struct cli *cli, const char *ref, void *arg, struct contexe_error *err)
{
	(void)arg;
	return contexe_image_remove(cli->cx, ref, err);
}

static int remove_images(struct cli *cli, int argc, char **argv, const char *name)
{
	(void)name;
	if (!argc)
		return cli_usage(cli, "which image? its name or id is missing");
	return cli_each(cli, argc, argv, remove_one, NULL);
}

static int inspect(struct cli *cli, int argc, char **argv, const char *name)
{
	(void)name;
	if (!argc)
		return cli_usage(cli, "which image? its name or id is missing");
	for (int i = 0; i < argc; i++) {
		struct contexe_error err = { 0 };
		char *json;
		if (contexe_image_inspect(cli->cx, argv[i], &json, &err) < 0)
			return cli_error(cli, &err);
		puts(json);
		free(json);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv, const char *name_option);
} subcommands[] = {
	{ "import", import },	 { "ls", list },	 { "list", list },
	{ "rm", remove_images }, { "inspect", inspect },
};

static int image_main(struct cli *cli, int argc, char **argv)
{
	const char *slots[1];
	int code = args_simple(cli, argc, argv, slots, &argc, &argv);
	if (code)
		return code;
	for (size_t i = 0; argc && i < ARRAY_SIZE(subcommands); i++)
		if (!strcmp(argv[0], subcommands[i].name)) {
			code = cli_open(cli);
			return code ? code : subcommands[i].run(cli, argc - 1, argv + 1, slots[0]);
		}
	if (!argc)
		return cli_usage(cli, "what about images? import, ls, rm or inspect is missing");
	return cli_usage(cli, "there is no 'image %s'; there are import, ls, rm and inspect",
			 argv[0]);
}

static const struct cli_option options[] = {
	{ "name", 'n', "NAME", "(import) call it so (default: the name inside)", NULL },
};
const struct command command_image = {
	.name = "image",
	.usage = "import FILE | ls | rm NAME... | inspect NAME...",
	.summary = "images: OCI layouts and archives as skopeo and podman write them",
	.examples =
		"  skopeo copy docker-archive:redis.tar oci:redis; contexe image import redis "
		"--name redis\n"
		"  contexe image import redis.tar\n  contexe image ls\n  contexe image rm redis\n",
	.complete = "image",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.run = image_main,
};
