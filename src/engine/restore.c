/* SPDX-License-Identifier: Apache-2.0 */
/* restore.c - a container comes back from an image: contexe_restore(). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "engine/bringup.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/filter_file.h"
#include "engine/handle.h"
#include "engine/idrange.h"
#include "engine/layer_archive.h"
#include "engine/lifecycle.h"
#include "engine/mapped.h"
#include "engine/relocate.h"
#include "engine/restoring.h"
#include "engine/supervisor.h"

#define LOCK_TIMEOUT_MS 10000
#define IMAGE_NAME	"checkpoint.img"

/* A file, or the name of a container that was checkpointed without naming one. */
static char *find_image(struct contexe *cx, const char *image)
{
	struct stat st;
	if (stat(image, &st) == 0 && S_ISREG(st.st_mode))
		return xstrdup(image);
	struct container *c CLEANUP_CONTAINER = NULL;
	if (!strchr(image, '/') && container_open(cx->root, image, &c, NULL) == 0)
		return xasprintf("%s/containers/%s/%s", cx->root->path, c->name, IMAGE_NAME);
	return xstrdup(image);
}

/* ---- where it goes to ---- */

static int write_files(const struct restoring *r, const struct container *c, struct error *err)
{
	const struct container_file *v = r->record.files.v;
	for (size_t i = 0; i < r->record.files.n; i++) {
		if (!parse_is_name(v[i].name, 64))
			return error_set(err, EBADMSG,
					 "a file of the container has an impossible name");
		if (str_eq(v[i].name, FILTER_FILE))
			continue;
		int e = file_replace(c->dir, v[i].name, 0644, v[i].content.data, v[i].content.size);
		if (e < 0)
			return error_sys(err, -e, "cannot write the container's %s file",
					 v[i].name);
	}
	return 0;
}

/* Its tasks get the filters of the image, whatever this engine would compile. */
static int write_filter(const struct restoring *r, const struct container *c, struct error *err)
{
	const struct container_file *v = r->record.files.v;
	const struct bytes *content = NULL;
	for (size_t i = 0; i < r->record.files.n; i++)
		if (str_eq(v[i].name, FILTER_FILE))
			content = &v[i].content;
	return filter_file_restore(c->dir, content, err);
}

static int unpack_layer(const struct restoring *r, const struct container *c, struct error *err)
{
	if (!r->record.has_layer)
		return 0;
	if (!r->record.packed_layer) {
		error_set(err, ENOENT,
			  "the image does not hold the private layer of the container's root");
		return error_hint(
			err, "restore it under its own name, or checkpoint it with --rootfs-diff");
	}
	CLEANUP_STR char *dir = xasprintf("%s/containers/%s/upper", c->root->path, c->name);
	if (mkdir(dir, 0755) < 0)
		return error_sys(err, errno, "cannot make the private layer");
	CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_sys(err, errno, "cannot open the private layer");
	/* else nobody within could set its times */
	const struct spec_linux *l = &r->spec.linux_;
	int64_t uid = bringup_mapped_root(c->root, l->uid_mappings, l->n_uid_mappings);
	int64_t gid = bringup_mapped_root(c->root, l->gid_mappings, l->n_gid_mappings);
	bool as_stored = !r->record.mapped_layer || r->spec.contexe.idmap;
	if (!as_stored && uid >= 0 && fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
		return error_sys(err, errno, "cannot give the private layer to a mapped user");
	struct mapped within = MAPPED_NONE;
	int e = as_stored ? 0 : mapped_begin(&r->spec.linux_, &within, err);
	if (e == 0)
		e = layer_archive_unpack(r->img, LAYER_BLOB, fd, within.pid, err);
	mapped_end(&within);
	return e;
}

/* Files of other ids than ours are removed by root of their map. */
static int remove_layer(const struct restoring *r, const struct container *c, struct error *err)
{
	int e = file_remove_tree(c->dir, "upper");
	if ((e == -EACCES || e == -EPERM) && r->spec.linux_.n_uid_mappings)
		return mapped_remove_tree(&r->spec.linux_, c->dir, "upper", err);
	return e < 0 ? error_sys(err, -e, "cannot replace the private layer") : 0;
}

static void first_state(struct container *c)
{
	struct state *s = &c->state;
	*s = (struct state){ .version = 1 };
	s->id = arena_strdup(&s->arena, c->id);
	s->name = arena_strdup(&s->arena, c->name);
	s->number = c->number;
	s->status = "created";
	s->created = timestamp_now();
	c->has_state = true;
}

/*
 * Beside the container it was written down from, which may live: other ids outside, if the files are stored with those of
 * the inside. Else the same ones, as the files belong to them.
 */
static int take_ids(struct spec *s, const struct container *c, struct error *err)
{
	struct spec_linux *l = &s->linux_;
	if (!l->n_uid_mappings)
		return 0;
	if (!s->contexe.auto_userns.set || !s->contexe.idmap)
		return idrange_note(c->root, c->name, c->id, s, err);
	l->n_uid_mappings = l->n_gid_mappings = 0;
	l->uid_mappings = l->gid_mappings = NULL;
	return idrange_take(c->root, c->name, c->id, s, err);
}

static int make_new(struct contexe *cx, struct restoring *r, const char *name, unsigned number,
		    struct container **ret, struct error *err)
{
	int e = container_make(cx->root, name, number, ret, err);
	if (e == -EEXIST && !number && (*ret == NULL))
		error_hint(err, "choose another with --name");
	if (e < 0)
		return e;
	first_state(*ret);
	e = take_ids(&r->spec, *ret, err);
	if (e == 0)
		e = write_files(r, *ret, err);
	if (e == 0)
		e = unpack_layer(r, *ret, err);
	if (e == 0)
		e = relocate(&r->spec, r->record.directory, *ret, err);
	if (e == 0)
		e = container_write_spec(*ret, &r->spec, err);
	if (e == 0)
		event_write(cx->root, "create", (*ret)->name, (*ret)->number, (*ret)->state.id,
			    NULL);
	return e;
}

/*
 * The very container that was written down, ended since: its directory is as it was, if nothing has run there in the meantime.
 * 1: this is the way; 0: it is another's name or not there.
 */
static int take_old(struct contexe *cx, struct restoring *r, const char *name,
		    struct container **ret, struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	if (container_open(cx->root, name, &c, NULL) < 0 || !str_eq(c->state.id, r->record.id))
		return 0;
	int e = container_lock(c, LOCK_TIMEOUT_MS, err);
	if (e == 0)
		e = lifecycle_check(c->now, EVENT_RESTORE, c->name, err);
	if (e < 0)
		return e;
	if (r->record.has_layer && !r->record.packed_layer &&
	    c->state.started != r->record.started) {
		error_set(
			err, ESTALE,
			"the container has run since: its files are no longer those of the image");
		return error_hint(err,
				  "checkpoint with --rootfs-diff to have the files in the image");
	}
	if (r->record.packed_layer) {
		e = remove_layer(r, c, err);
		if (e == 0)
			e = unpack_layer(r, c, err);
		if (e < 0)
			return e;
	}
	*ret = take_ptr(c);
	return 1;
}

static int find_place(struct contexe *cx, struct restoring *r,
		      const struct contexe_restore_options *opt, struct container **ret,
		      bool *ret_new, struct error *err)
{
	const char *name = opt->name ? opt->name : r->record.name;
	int e = take_old(cx, r, name, ret, err);
	*ret_new = e == 0;
	if (e != 0)
		return e < 0 ? e : 0;
	unsigned number = opt->number ? opt->number : (unsigned)r->record.number;
	e = make_new(cx, r, name, number, ret, err);
	if (e == -EEXIST && !opt->number) { /* the number is taken: any other does */
		error_clear(err);
		e = make_new(cx, r, name, 0, ret, err);
	}
	return e;
}

/* ---- the restore ---- */

static int dry_run(struct restoring *r, char **ret_text)
{
	struct buf out = BUF_INIT;
	const char *name;
	buf_printf(&out, "container %s, process tree:\n", r->record.name);
	restore_print(r->restore, &out);
	for (size_t i = 0; (name = restore_wants(r->restore, i)); i++)
		buf_printf(&out, "%s%s", i ? ", " : "from outside: ", name);
	buf_putc(&out, '\n');
	if (ret_text)
		*ret_text = buf_take(&out);
	buf_done(&out);
	return 0;
}

static void take_externals(struct restoring *r, const struct contexe_restore_options *opt)
{
	r->n_externals = opt->n_externals;
	r->externals = arena_alloc(&r->arena, (opt->n_externals + 1) * sizeof(*r->externals));
	for (size_t i = 0; i < opt->n_externals; i++)
		r->externals[i] =
			(struct restore_external){ opt->external_names[i], opt->external_fds[i] };
}

static int go(struct contexe *cx, struct restoring *r, const struct contexe_restore_options *opt,
	      int *ret_status, char **ret_name, struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	bool is_new = false;
	int e = find_place(cx, r, opt, &c, &is_new, err);
	if (e == 0)
		e = write_filter(r, c, err);
	if (e == 0) {
		struct supervisor_options sup = {
			.foreground = !opt->detach,
			.restoring = r,
			.report = FD_NONE,
		};
		*ret_status = 0;
		if (ret_name)
			*ret_name = xstrdup(c->name);
		e = opt->detach ? supervise_detached(c, &sup, err)
				: supervise(c, &sup, ret_status, err);
	}
	if (e < 0 && is_new && c && container_delete(c, NULL) == 0)
		event_write(cx->root, "remove", c->name, c->number, c->state.id, NULL);
	if (e < 0 && ret_name)
		free(take_ptr(*ret_name));
	return e;
}

int contexe_restore(struct contexe *cx, const char *image,
		    const struct contexe_restore_options *options, int *ret_status, char **ret_name,
		    char **ret_text, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct restoring r = RESTORING_NONE;
	CLEANUP_STR char *path = find_image(cx, image);
	if (ret_name)
		*ret_name = NULL;
	int e = restoring_open(path, &r, err);
	if (e == 0) {
		take_externals(&r, options);
		r.watch = cx->root->privileged && !cx->root->in_userns;
		e = options->dry_run ? dry_run(&r, ret_text)
				     : go(cx, &r, options, ret_status, ret_name, err);
		restoring_done(&r);
	}
	if (e < 0) {
		error_what(err, "cannot restore the container");
		error_object(err, "%s", path);
	}
	return e;
}
