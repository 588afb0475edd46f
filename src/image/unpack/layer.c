/* SPDX-License-Identifier: Apache-2.0 */
/* layer.c - see layer.h. */
#include "image/unpack/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/unpack/entry.h"
#include "image/unpack/report.h"
#include "image/unpack/stream.h"

#define UNFINISHED "unfinished" /* the layer's directory until it is verified */

struct reading {
	const struct layer_job *job;
	struct stream stream;
	struct error failed; /* of the stream, met inside libarchive; err 0: none */
};

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	const struct layer_job *job = arg;
	report_progress(job->number, job->of, done, total);
}

static la_ssize_t feed_tar(struct archive *a, void *arg, const void **ret)
{
	struct reading *r = arg;
	ssize_t n = stream_next(&r->stream, ret, &r->failed);
	if (n < 0)
		archive_set_error(a, (int)-n, "%s", r->failed.why);
	return n < 0 ? -1 : n;
}

static int tar_failed(struct reading *r, struct archive *a, struct error *err)
{
	if (r->failed.err) {
		*err = r->failed;
		return -err->err;
	}
	const char *why = archive_error_string(a);
	return error_set(err, EBADMSG, "its tar data is damaged (%s)",
			 why ? why : "no reason given");
}

static int place_all(struct reading *r, struct archive *a, struct unpacking *u, struct error *err)
{
	for (;;) {
		struct archive_entry *e;
		int n = archive_read_next_header(a, &e);
		if (n == ARCHIVE_EOF)
			return unpacking_finish(u, err);
		if (n != ARCHIVE_OK && n != ARCHIVE_WARN)
			return tar_failed(r, a, err);
		int e2 = entry_place(u, a, e, err);
		if (e2 < 0)
			return r->failed.err ? tar_failed(r, a, err) : e2;
		if (report_interrupted())
			return error_set(err, EINTR, "interrupted");
	}
}

static int read_tar(struct reading *r, struct unpacking *u, struct error *err)
{
	struct archive *a = archive_read_new();
	if (!a)
		return error_sys(err, ENOMEM, "cannot read the layer");
	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a);
	int e = archive_read_open(a, r, NULL, feed_tar, NULL) == ARCHIVE_OK
			? place_all(r, a, u, err)
			: tar_failed(r, a, err);
	archive_read_free(a);
	return e;
}

/* What follows the end of the tar counts for both digests. */
static int read_rest(struct reading *r, struct error *err)
{
	const void *data;
	ssize_t n;
	do {
		n = stream_next(&r->stream, &data, err);
	} while (n > 0);
	return n < 0 ? (int)n : stream_drain_packed(&r->stream, err);
}

static int corrupt(const char *what, const struct digest *is, const struct digest *should,
		   struct error *err)
{
	char a[DIGEST_TEXT_SIZE], b[DIGEST_TEXT_SIZE];
	error_set(err, EBADMSG, "is corrupt: its %s is %s, not %s", what, digest_format(is, a),
		  digest_format(should, b));
	return error_hint(err, "fetch or save the image again");
}

/*
 * Damage shows first as nonsense in the middle; what the user should hear is that the digest is wrong.
 * So the rest is read for it, and only a blob with the right digest is called badly made.
 */
static int explain(struct reading *r, struct error *err)
{
	const struct digest *should = &r->job->layer->blob;
	struct digest is;
	struct error ignored;

	if (err->err != EBADMSG || !r->stream.packed.ctx ||
	    stream_drain_packed(&r->stream, &ignored) < 0)
		return -err->err;
	hasher_end(&r->stream.packed, &is);
	return digest_equal(&is, should) ? -err->err : corrupt("digest", &is, should, err);
}

/* The same digest is not computed twice where the blob is the plain tar: *ret says what to compute. */
static const char *packed_algorithm(const struct plan_layer *l, const struct blob *b)
{
	if (!digest_is_set(&l->blob))
		return NULL;
	bool same = !stream_format(b) && strcmp(l->blob.algorithm, l->diff_id.algorithm) == 0;
	return same && strcmp(l->blob.hex, l->diff_id.hex) == 0 ? NULL : l->blob.algorithm;
}

static int verify(struct reading *r, struct error *err)
{
	const struct plan_layer *l = r->job->layer;
	struct digest packed, unpacked;
	bool have_packed = r->stream.packed.ctx != NULL;

	if (have_packed)
		hasher_end(&r->stream.packed, &packed);
	hasher_end(&r->stream.unpacked, &unpacked);
	if (have_packed && !digest_equal(&packed, &l->blob))
		return corrupt("digest", &packed, &l->blob, err);
	if (!digest_equal(&unpacked, &l->diff_id))
		return corrupt("diff id", &unpacked, &l->diff_id, err);
	return 0;
}

static void tell_left_out(const struct layer_job *job, const struct unpacking *u)
{
	if (u->n_devices)
		report_note("layer %u/%u: %" PRIu64
			    " device nodes left out: only root can make them",
			    job->number, job->of, u->n_devices);
	if (u->n_attributes)
		report_note("layer %u/%u: %" PRIu64
			    " extended attributes left out: not allowed here",
			    job->number, job->of, u->n_attributes);
}

static int unpack_blob(const struct layer_job *job, const struct blob *b, int dir,
		       uint64_t *ret_bytes, struct error *err)
{
	CLEANUP_UNPACKING struct unpacking u;
	struct reading r = { .job = job };

	unpacking_init(&u, dir, job->rootless);
	int e = stream_open(&r.stream, b, packed_algorithm(job->layer, b),
			    job->layer->diff_id.algorithm, err);
	if (e == 0) {
		r.stream.progress = on_progress;
		r.stream.progress_arg = (void *)job;
		e = read_tar(&r, &u, err);
	}
	if (e == 0)
		e = read_rest(&r, err);
	e = e == 0 ? verify(&r, err) : explain(&r, err);
	stream_done(&r.stream);
	if (e < 0)
		return e;
	tell_left_out(job, &u);
	*ret_bytes = u.bytes;
	return 0;
}

static int open_blob(const struct layer_job *job, struct blob *ret, struct error *err)
{
	const struct plan_layer *l = job->layer;
	int r = source_blob(job->source, l->file, ret, err);
	if (r == -ENOENT) {
		error_set(err, EBADMSG, "is missing from the image");
		return error_hint(err, "copy or save it again, with all layers");
	}
	if (r == 0 && l->has_size && l->size != ret->size)
		return error_set(err, EBADMSG,
				 "is corrupt: has %" PRIu64 " bytes, the manifest says %" PRIu64,
				 ret->size, l->size);
	return r;
}

static int unpack_into(const struct layer_job *job, uint64_t *ret_bytes, struct error *err)
{
	const struct digest *d = &job->layer->diff_id;
	CLEANUP_BLOB struct blob b = BLOB_NONE;
	char path[DIGEST_TEXT_SIZE];

	int r = open_blob(job, &b, err);
	if (r < 0)
		return r;
	if (mkdirat(job->work, UNFINISHED, 0755) < 0)
		return error_sys(err, errno, "cannot make the layer's directory");
	CLEANUP_FD int dir =
		openat(job->work, UNFINISHED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_sys(err, errno, "cannot open the layer's directory");
	r = unpack_blob(job, &b, dir, ret_bytes, err);
	if (r < 0)
		return r;
	if (mkdirat(job->work, d->algorithm, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make a directory");
	(void)snprintf(path, sizeof(path), "%s/%s", d->algorithm, d->hex);
	if (renameat(job->work, UNFINISHED, job->work, path) < 0)
		return error_sys(err, errno, "cannot rename the layer's directory");
	return 0;
}

int layer_unpack(const struct layer_job *job, uint64_t *ret_bytes, struct error *err)
{
	char digest[DIGEST_TEXT_SIZE];
	int r = unpack_into(job, ret_bytes, err);
	if (r < 0) {
		bool named = digest_is_set(&job->layer->blob);
		error_object(err, "layer %u/%u (%.150s)", job->number, job->of,
			     named ? digest_format(&job->layer->blob, digest) : job->layer->file);
	}
	return r;
}
