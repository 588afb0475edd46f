/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - contexe-unpack: reads an image (OCI layout or archive, docker archive) and unpacks its layers.
 *
 *     contexe-unpack [--rootless] STORE_DIR ARCHIVE_OR_DIR [NAME]
 *
 * It writes to a directory of its own below STORE_DIR/tmp/ only and says on standard output what it does and
 * found (unpacker.h has the protocol); image_import() runs it and takes over the result. What it reads is
 * hostile: it confines itself before it reads the first byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/name.h"
#include "image/record.h"
#include "image/store.h"
#include "image/storedir.h"
#include "image/unpack/confine.h"
#include "image/unpack/hasher.h"
#include "image/unpack/layer.h"
#include "image/unpack/plan.h"
#include "image/unpack/report.h"
#include "image/unpack/source.h"

struct options {
	bool rootless;
	const char *store, *input;
	const char *wanted;	    /* NULL: not said which image */
	char name[IMAGE_NAME_SIZE]; /* the same as the store has it */
};

struct known_layer { /* unpacked before: in the store, or earlier in this image */
	struct digest diff_id;
	uint64_t bytes;
};

struct job {
	struct options opt;
	struct source source;
	int work;
	int busy; /* the store's lock, held to the end */
	struct arena arena;
	struct known_layer *known;
	size_t n_known;
};

/* ---- before confinement ---- */

static void add_known(struct job *j, const struct digest *d, uint64_t bytes)
{
	*arena_push(&j->arena, j->known, j->n_known) = (struct known_layer){ *d, bytes };
}

static int find_known(struct job *j, const struct store *s, struct error *err)
{
	struct image *list = NULL;
	size_t n = 0;
	int r = image_list(j->opt.store, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].layers.n; k++) {
			struct digest d;
			if (digest_parse(list[i].layers.v[k], &d) && store_has_layer(s, &d))
				add_known(j, &d, list[i].layer_sizes.v[k]);
		}
		image_done(&list[i]);
	}
	str_cleanup((char **)&list);
	return r;
}

static int make_work(const struct store *s, int *ret, struct error *err)
{
	uint64_t random = 0;
	char name[32];

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_sys(err, errno, "cannot get random bytes");
	(void)snprintf(name, sizeof(name), "work.%016llx", (unsigned long long)random);
	if (mkdirat(s->tmp, name, 0700) < 0)
		return error_sys(err, errno, "cannot make a directory in the image store");
	report_work(name);
	*ret = openat(s->tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? error_sys(err, errno, "cannot open tmp/%s", name) : 0;
}

static int open_all(struct job *j, struct error *err)
{
	CLEANUP_STORE struct store s = STORE_NONE;

	int r = source_open(j->opt.input, &j->source, err);
	if (r == 0)
		r = store_open(j->opt.store, true, &s, err);
	if (r < 0)
		return r;
	j->busy = store_lock(&s, "busy", LOCK_SH, err);
	if (j->busy < 0)
		return j->busy;
	r = find_known(j, &s, err);
	return r < 0 ? r : make_work(&s, &j->work, err);
}

/*
 * What libraries load from files when they are first used, they load now. No locale is set, on purpose:
 * in a UTF-8 one libarchive changes the names of pax archives to Unicode's composed form, and two files
 * could become one. In the C locale it finds names beyond ASCII not convertible and hands them over as
 * they are.
 */
static void warm_up(void)
{
	struct digest d;
	if (hasher_digest("sha256", "", 0, &d) < 0 || hasher_digest("sha512", "", 0, &d) < 0)
		report_note("libcrypto does not compute all digests");
}

/* ---- after ---- */

static const struct known_layer *is_known(const struct job *j, const struct digest *d)
{
	for (size_t i = 0; i < j->n_known; i++) {
		if (digest_equal(&j->known[i].diff_id, d))
			return &j->known[i];
	}
	return NULL;
}

static int unpack_layers(struct job *j, struct plan *p, struct error *err)
{
	struct image *img = &p->image;

	for (size_t i = 0; i < p->n_layers; i++) {
		const struct digest *d = &p->layers[i].diff_id;
		const struct known_layer *known = is_known(j, d);
		struct layer_job job = { .source = &j->source,
					 .layer = &p->layers[i],
					 .number = (unsigned)i + 1,
					 .of = (unsigned)p->n_layers,
					 .work = j->work,
					 .rootless = j->opt.rootless };
		uint64_t bytes = known ? known->bytes : 0;
		int r = known ? 0 : layer_unpack(&job, &bytes, err);
		if (r < 0)
			return r;
		if (!known)
			add_known(j, d, bytes);
		*arena_push(&img->arena, img->layer_sizes.v, img->layer_sizes.n) = bytes;
		img->size += bytes;
	}
	return 0;
}

static int unpack(struct job *j, struct error *err)
{
	CLEANUP_PLAN struct plan p = { 0 };
	CLEANUP_BUF struct buf record = BUF_INIT;

	int r = source_prepare(&j->source, j->work, err);
	if (r == 0)
		r = plan_read(&j->source, j->opt.wanted ? j->opt.name : NULL, &p, err);
	if (r == 0)
		r = unpack_layers(j, &p, err);
	if (r < 0)
		return r;
	record_print(&p.image, &record);
	r = file_replace(j->work, "image.json", 0600, record.data, record.len);
	if (r < 0)
		return error_sys(err, -r, "cannot write the image's record");
	for (size_t i = 0; i < p.image.names.n; i++)
		report_name(p.image.names.v[i]);
	report_result(p.image.id);
	return 0;
}

static int confined_unpack(struct job *j, const struct confinement *c, struct error *err)
{
	int nothing = FD_NONE;
	int *input = j->source.is_directory ? &j->source.fd : &nothing;

	int r = confine_view(c, &j->work, input, err);
	if (r == 0)
		r = confine_end(c, j->opt.rootless, err);
	if (r == 0)
		r = unpack(j, err);
	if (r < 0 && file_remove_tree(j->work, ".") < 0)
		return r; /* empty now, as far as possible; the directory itself is not ours to remove */
	return r;
}

static int run(const struct options *opt, struct error *err)
{
	struct job j = { .opt = *opt, .source = SOURCE_NONE, .work = FD_NONE, .busy = FD_NONE };
	struct confinement c;

	int r = opt->wanted ? image_name_normalise(opt->wanted, j.opt.name, err) : 0;
	if (r < 0)
		return r;
	confine_begin(&c);
	r = open_all(&j, err);
	if (r == 0)
		r = confined_unpack(&j, &c, err);
	source_done(&j.source);
	arena_done(&j.arena);
	fd_close(j.work);
	fd_close(j.busy);
	return r;
}

static bool parse_options(int argc, char **argv, struct options *opt)
{
	int i = 1;
	if (i < argc && strcmp(argv[i], "--rootless") == 0) {
		opt->rootless = true;
		i++;
	}
	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	else if (i < argc && argv[i][0] == '-')
		return false;
	if (argc - i < 2 || argc - i > 3)
		return false;
	opt->store = argv[i];
	opt->input = argv[i + 1];
	opt->wanted = argc - i == 3 ? argv[i + 2] : NULL;
	return true;
}

int main(int argc, char **argv)
{
	struct options opt = { 0 };
	struct error err = ERROR_INIT;

	if (!parse_options(argc, argv, &opt)) {
		(void)fprintf(stderr, "usage: contexe-unpack [--rootless] STORE_DIR ARCHIVE_OR_DIR "
				      "[NAME]\nused by `contexe image import`\n");
		return 2;
	}
	umask(0);
	report_start();
	warm_up();
	if (run(&opt, &err) == 0)
		return 0;
	error_what(&err, "cannot import the image");
	report_error(&err);
	return 1;
}
