/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h: which format it is, and what the formats share. */
#include "image/unpack/plan.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "image/name.h"
#include "image/unpack/hasher.h"

void plan_done(struct plan *p)
{
	image_done(&p->image);
	*p = (struct plan){ 0 };
}

bool plan_name_matches(const char *inside, const char *wanted)
{
	char normal[IMAGE_NAME_SIZE];

	if (image_name_normalise(inside, normal, NULL) == 0 && strcmp(normal, wanted) == 0)
		return true;
	/* a layout's reference is often the tag alone */
	const char *tag = strrchr(wanted, ':');
	return tag && strcmp(tag + 1, inside) == 0;
}

int plan_several(const struct strings *names, struct error *err)
{
	CLEANUP_BUF struct buf list = BUF_INIT;
	for (size_t i = 0; i < names->n && list.len < 300; i++)
		buf_printf(&list, "%s%.100s", i ? ", " : "", names->v[i]);
	error_set(err, ENOTUNIQ, "holds several images: %s", buf_str(&list));
	return error_hint(err, "import it under the name of one of them");
}

int plan_verify(const char *text, size_t len, const struct digest *expected, struct error *err)
{
	char is[DIGEST_TEXT_SIZE], should[DIGEST_TEXT_SIZE];
	struct digest d;

	int r = hasher_digest(expected->algorithm, text, len, &d);
	if (r < 0)
		return error_set(err, -r, "cannot compute %s digests", expected->algorithm);
	if (digest_equal(&d, expected))
		return 0;
	return error_set(err, EBADMSG, "is corrupt: its digest is %s, not %s",
			 digest_format(&d, is), digest_format(expected, should));
}

static int nothing_inside(const struct source *s, struct error *err)
{
	struct blob b = BLOB_NONE;
	bool legacy = source_blob(s, "repositories", &b, err) == 0;
	blob_done(&b);
	error_set(err, EBADMSG, "holds no image: neither an index.json nor a manifest.json");
	if (legacy)
		return error_hint(
			err, "it comes from a docker before 1.10: save it again with a newer one");
	return error_hint(err,
			  "what can be imported is what `skopeo copy ... oci:DIR`, `docker save` "
			  "or `podman save` make");
}

int plan_read(const struct source *s, const char *name, struct plan *ret, struct error *err)
{
	static const struct {
		const char *marker;
		int (*read)(const struct source *s, const char *name, struct plan *ret,
			    struct error *err);
	} formats[] = {
		{ "index.json", oci_read },
		{ "manifest.json", docker_read },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		CLEANUP_BLOB struct blob b = BLOB_NONE;
		CLEANUP_PLAN struct plan p = { 0 };
		int r = source_blob(s, formats[i].marker, &b, err);
		if (r == -ENOENT)
			continue;
		if (r == 0)
			r = formats[i].read(s, name, &p, err);
		if (r < 0)
			return r;
		*ret = p;
		p = (struct plan){ 0 };
		return 0;
	}
	return nothing_inside(s, err);
}
