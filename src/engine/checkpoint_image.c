/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_image.c - images of containers looked at and checked without restoring them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "engine/handle.h"
#include "engine/restoring.h"

bool contexe_checkpoint_is_image(const char *path)
{
	struct image *img;
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || image_open(fd, &img, NULL) < 0)
		return false;
	image_free(img);
	return true;
}

struct verifying {
	contexe_progress_fn *progress;
	void *arg;
};

static void tell(void *arg, uint64_t done, uint64_t all)
{
	const struct verifying *v = arg;
	v->progress(v->arg, "checking", done, all);
}

int contexe_checkpoint_verify(const char *path, contexe_progress_fn *progress, void *arg,
			      struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct restoring r = RESTORING_NONE;
	struct verifying v = { progress, arg };
	int e = restoring_open(path, &r, err);
	if (e == 0)
		e = image_verify(r.img, progress ? tell : NULL, &v, err);
	if (e < 0) {
		error_what(err, "the image is not good");
		error_object(err, "%s", path);
	}
	restoring_done(&r);
	return e;
}

static void list_records(struct image *img, struct buf *out)
{
	struct image_record rec;
	size_t at = 0;
	bool first = true;
	while (image_each(img, &at, &rec)) {
		buf_printf(out,
			   "%s{\"type\":\"%s\",\"id\":%" PRIu64 ",\"value\":", first ? "" : ",",
			   rec.type, rec.id);
		image_record_json(&rec, out);
		buf_putc(out, '}');
		first = false;
	}
}

static void describe_container(const struct restoring *r, struct buf *out)
{
	const struct container_record *c = &r->record;
	char when[64] = "";
	time_t secs = (time_t)(c->realtime / 1000000000u);
	struct tm tm;
	if (gmtime_r(&secs, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	buf_printf(out, "container  %s (number %" PRIu64 "), written down %s\n", c->name, c->number,
		   when);
	buf_printf(out, "by         contexe %s on Linux %s, %s\n", c->engine, c->kernel,
		   c->machine);
	buf_printf(out, "root layer %s\n",
		   !c->has_layer     ? "none of its own"
		   : c->packed_layer ? "packed into the image"
				     : "kept in the container's directory");
}

int contexe_checkpoint_describe(const char *path, char **ret_text, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct restoring r = RESTORING_NONE;
	int e = restoring_open(path, &r, err);
	if (e < 0)
		return error_what(err, "cannot inspect the image");
	struct buf out = BUF_INIT;
	describe_container(&r, &out);
	restore_describe(r.restore, &out);
	*ret_text = buf_take(&out);
	restoring_done(&r);
	return 0;
}

int contexe_checkpoint_inspect(const char *path, char **ret_json, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct restoring r = RESTORING_NONE;
	int e = restoring_open(path, &r, err);
	if (e < 0)
		return error_what(err, "cannot inspect the image");
	struct buf out = BUF_INIT;
	const struct image_part *parts;
	size_t n = image_parts(r.img, &parts);
	buf_puts(&out, "{\"records\":[");
	list_records(r.img, &out);
	buf_puts(&out, "],\"parts\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s{\"kind\":\"%s\",\"offset\":%" PRIu64 ",\"size\":%" PRIu64 "}",
			   i ? "," : "", parts[i].kind, parts[i].offset, parts[i].size);
	buf_puts(&out, "]}");
	*ret_json = buf_take(&out);
	restoring_done(&r);
	return 0;
}
