/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - a running container is written down: contexe_checkpoint(). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/libexec.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "checkpoint/dump/dump.h"
#include "engine/checkpoint_record.h"
#include "engine/container.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/externals.h"
#include "engine/filter_file.h"
#include "engine/handle.h"
#include "engine/image_output.h"
#include "engine/layer_archive.h"
#include "engine/lifecycle.h"
#include "engine/next_ids.h"
#include "engine/tasks.h"
#include "engine/within.h"
#include "proc/process.h"
#include "sys/openat2.h"

#define LOCK_TIMEOUT_MS	   10000
#define DEFAULT_TIMEOUT_MS 10000
#define IMAGE_NAME	   "checkpoint.img"

/* One checkpoint on its way. */
struct work {
	struct contexe *cx;
	struct container *c;
	const struct contexe_checkpoint_options *opt;
	struct arena arena;
	struct spec spec;
	struct cgroup *cg;
	struct container_tasks tasks;
	struct externals externals;
	struct known_filter filter;
	bool within;		 /* the user namespace: see within.h */
	char *directory, *upper; /* upper: NULL when there is no private layer */
	struct image_output output;
	struct image_writer *writer;
	struct dump_result dumped;
	uint64_t size; /* of the image */
	struct container_record record;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- the output ---- */

static bool packs_layer(const struct work *w)
{
	if (!w->upper || w->opt->layer == 0)
		return false;
	return w->opt->layer > 0 || w->opt->output;
}

static int open_output(struct work *w, struct error *err)
{
	if (w->opt->dry_run)
		return 0;
	int r;
	if (w->opt->output && str_eq(w->opt->output, "-")) {
		r = image_output_open_fd(w->opt->output_fd, &w->output, err);
	} else {
		CLEANUP_STR char *path = w->opt->output
						 ? xstrdup(w->opt->output)
						 : xasprintf("%s/%s", w->directory, IMAGE_NAME);
		r = image_output_open(path, &w->output, err);
	}
	return r == 0 ? image_writer_new(w->output.fd, &w->writer, err) : r;
}

/* ---- what is written besides the tasks ---- */

/* The container's clocks: the machine's and its time namespace's offsets. */
static void read_clocks(struct work *w)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	char path[64];
	w->record.monotonic = clock_ns(CLOCK_MONOTONIC);
	w->record.boottime = clock_ns(CLOCK_BOOTTIME);
	w->record.realtime = clock_ns(CLOCK_REALTIME);
	(void)snprintf(path, sizeof(path), "/proc/%d/timens_offsets", (int)w->c->init.pid);
	if (file_read(AT_FDCWD, path, 4096, &b) < 0)
		return;
	const char *line = buf_str(&b);
	while (line && *line) {
		char clock[16];
		long long secs;
		long nanos;
		if (sscanf(line, "%15s %lld %ld", clock, &secs, &nanos) == 3) {
			uint64_t *to = str_eq(clock, "monotonic") ? &w->record.monotonic
								  : &w->record.boottime;
			*to += (uint64_t)(secs * 1000000000 + nanos);
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

static int put_blob(struct work *w, const char *name, const char *path, struct error *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error_sys(err, errno, "cannot read what belongs into the image");
		return error_object(err, "%s", path);
	}
	return image_blob(w->writer, name, fd, err);
}

static int pack_upper(struct work *w, struct error *err)
{
	CLEANUP_FD int dir = open(w->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return error_sys(err, errno, "cannot open the private layer");
	w->record.packed_layer = true;
	/* in the container's own numbers: its map may be another one where it goes on */
	w->record.mapped_layer = w->spec.linux_.n_uid_mappings > 0;
	bool as_stored = !w->record.mapped_layer || w->spec.contexe.idmap;
	return layer_archive_pack(w->writer, LAYER_BLOB, dir, as_stored ? 0 : w->c->init.pid, err);
}

static bool is_empty(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *e = NULL;
	while (dir && (e = readdir(dir)) && e->d_name[0] == '.' &&
	       (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2])))
		;
	if (dir)
		(void)closedir(dir);
	return !e;
}

/* What lies in memory only: the tmpfs that we have mounted for it, but /dev, which is made anew. */
static int pack_tmpfs(struct work *w, struct error *err)
{
	char path[64];
	int r = 0;
	pid_t within = w->spec.linux_.n_uid_mappings ? w->c->init.pid : 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)w->c->init.pid);
	CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; root >= 0 && i < w->spec.n_mounts && r == 0; i++) {
		const struct spec_mount *m = &w->spec.mounts[i];
		struct statfs fs;
		if (!str_eq(m->type, "tmpfs") || str_eq(m->destination, "/dev"))
			continue;
		CLEANUP_FD int dir = sys_openat2(root, m->destination, O_RDONLY | O_DIRECTORY, 0,
						 RESOLVE_IN_ROOT);
		if (dir < 0 || fstatfs(dir, &fs) < 0 || fs.f_type != TMPFS_MAGIC || is_empty(dir))
			continue;
		struct container_tmpfs *t =
			arena_grow(&w->arena, &w->record.tmpfs.v, &w->record.tmpfs.n, sizeof(*t));
		t->destination = m->destination;
		t->blob = arena_printf(&w->arena, "tmpfs-%zu", i);
		r = layer_archive_pack(w->writer, t->blob, dir, within, err);
	}
	return r;
}

/* While all tasks stand still: the clocks, and the private layer as it is at this instant. */
static int while_stopped(void *arg, struct image_writer *writer, struct error *err)
{
	struct work *w = arg;
	(void)writer;
	read_clocks(w);
	int r = next_ids_read(w->c->init.pid, &w->spec, err);
	if (r == 0)
		r = pack_tmpfs(w, err);
	return r == 0 && packs_layer(w) ? pack_upper(w, err) : r;
}

static void add_file(struct work *w, const char *name)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	if (file_read(w->c->dir, name, 1 << 20, &b) < 0)
		return;
	struct container_file *f =
		arena_grow(&w->arena, &w->record.files.v, &w->record.files.n, sizeof(*f));
	f->name = arena_strdup(&w->arena, name);
	f->content.size = b.len;
	f->content.data = arena_alloc(&w->arena, b.len + 1);
	memcpy(f->content.data, buf_str(&b), b.len);
}

static int put_container(struct work *w, struct error *err)
{
	struct container_record *r = &w->record;
	struct utsname name;
	struct buf config = BUF_INIT;
	(void)uname(&name);
	spec_print(&w->spec, &config);
	r->name = w->c->name;
	r->number = w->c->number;
	r->id = w->c->state.id;
	r->engine = arena_strdup(&w->arena, contexe_version());
	r->kernel = arena_strdup(&w->arena, name.release);
	r->machine = arena_strdup(&w->arena, name.machine);
	r->spec = (struct bytes){ config.data, config.len };
	r->directory = w->directory;
	r->job = w->externals.job;
	r->own_init = w->externals.own_init;
	r->has_layer = w->upper != NULL;
	r->started = w->c->state.started;
	r->born = w->c->state.born;
	add_file(w, "hosts");
	add_file(w, "hostname");
	add_file(w, FILTER_FILE);
	int e = image_put(w->writer, "container", 0, container_record_fields, r, err);
	buf_done(&config);
	if (e == 0 && r->own_init) {
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)w->c->init.pid);
		e = put_blob(w, "init", path, err);
	}
	return e;
}

/* ---- the end ---- */

/* Its processes end as of SIGKILL; its supervisor knows why and does not start it again. */
static int kill_container(struct work *w, struct error *err)
{
	int status;
	if (w->c->supervised)
		IGNORE_RESULT(control_request(w->c->dir, CTL_STOPPING, 2, 0, NULL));
	int r = tracees_kill(&w->dumped.tracees, err);
	if (r < 0) {
		if (w->c->supervised)
			IGNORE_RESULT(control_request(w->c->dir, CTL_STOPPING, 3, 0, NULL));
		return r;
	}
	container_unlock(w->c);
	return contexe_wait(w->cx, w->c->name, 10000, &status, NULL) == -ETIMEDOUT
		       ? error_set(err, ETIMEDOUT,
				   "the container's end was not written down in 10 s")
		       : 0;
}

static int list_pids(void *arg, pid_t **pids, size_t *n)
{
	return container_pids(arg, pids, n);
}

/* Each open file of the container is held by us for a while. */
static void raise_limit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int write_image(void *arg, struct error *err)
{
	struct work *w = arg;
	int r = put_container(w, err);
	if (r == 0)
		r = image_finish(w->writer, &w->size, err);
	return r == 0 ? image_output_keep(&w->output, err) : r;
}

static int carry_out(void *arg, struct error *err)
{
	struct work *w = arg;
	static const enum tcp_mode tcp[] = {
		[CONTEXE_TCP_REFUSE] = TCP_REFUSE,
		[CONTEXE_TCP_CLOSE] = TCP_CLOSE,
		[CONTEXE_TCP_KEEP] = TCP_KEEP,
	};
	struct dump_request req = {
		.lister = list_pids,
		.lister_arg = &w->tasks,
		.init = w->c->init.pid,
		.upper = w->upper,
		.externals = w->externals.v,
		.n_externals = w->externals.n,
		.tcp = tcp[w->opt->tcp],
		.timeout_ms = w->opt->timeout_ms ? w->opt->timeout_ms : DEFAULT_TIMEOUT_MS,
		.leave_running = w->opt->leave_running,
		.dry_run = w->opt->dry_run,
		.stopped = while_stopped,
		.last = write_image,
		.arg = w,
	};
	if (filter_file_read(w->c->dir, &w->arena, &w->filter) == 0)
		req.filter = &w->filter;
	raise_limit();
	int r = dump(&req, w->writer, &w->arena, &w->dumped, err);
	if (r == 0 && !w->opt->dry_run)
		r = w->opt->leave_running ? write_image(w, err) : kill_container(w, err);
	tracees_done(&w->dumped.tracees); /* who stopped them lets them go */
	return r;
}

static int carry_out_somewhere(struct work *w, struct error *err)
{
	int r = 0;
	/* without root we have power over the container's other ids only within its user namespace */
	w->within = !w->cx->root->privileged &&
		    proc_ns_inode(w->c->init.pid, "user") != proc_ns_inode(0, "user");
	if (!w->within)
		return carry_out(w, err);
	r = pidref_open(&w->c->init);
	if (r < 0)
		return error_sys(err, -r, "the container's first process is gone");
	return within_userns(w->c->init.pidfd, carry_out, w, err);
}

static int look(struct work *w, const char *ref, struct error *err)
{
	int r = container_open(w->cx->root, ref, &w->c, err);
	if (r == 0)
		r = container_lock(w->c, LOCK_TIMEOUT_MS, err);
	if (r == 0)
		r = lifecycle_check(w->c->now, EVENT_CHECKPOINT, w->c->name, err);
	if (r == 0 && w->c->state.led) {
		error_set(err, ENOTSUP,
			  "process %d of outside leads it, which would have to come along",
			  w->c->job.pid);
		r = error_hint(err, "only a container with a program of its own can be carried");
	}
	if (r == 0)
		r = container_spec(w->c, &w->spec, err);
	if (r == 0 && w->spec.contexe.remove && !w->opt->output && !w->opt->leave_running &&
	    !w->opt->dry_run) {
		error_set(err, EINVAL,
			  "it removes itself at its end (--rm), and its image with it");
		r = error_hint(err, "name a file for the image: -o FILE");
	}
	if (r == 0) {
		r = container_cgroup(w->c, &w->cg, err);
		if (r == -ENOENT)
			r = 0;
	}
	if (r < 0)
		return r;
	w->directory = xasprintf("%s/containers/%s", w->cx->root->path, w->c->name);
	w->upper = faccessat(w->c->dir, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0
			   ? xasprintf("%s/upper", w->directory)
			   : NULL;
	w->tasks = (struct container_tasks){ .cg = w->cg, .init = w->c->init.pid };
	return externals_of(w->c->init.pid, w->c->state.stdio, &w->arena, &w->externals, err);
}

static void fill_result(const struct work *w, struct contexe_checkpoint_result *ret)
{
	_Static_assert(sizeof(struct contexe_refusal) == sizeof(struct refusal), "one layout");
	ret->frozen_ns = w->dumped.frozen_ns;
	ret->size = w->size;
	ret->processes = w->dumped.n_tasks;
	ret->threads = w->dumped.n_threads;
	ret->files = w->dumped.n_files;
	ret->n_refusals = w->dumped.n_refusals;
	if (ret->n_refusals) {
		ret->refusals = xcalloc(ret->n_refusals, sizeof(*ret->refusals));
		memcpy(ret->refusals, w->dumped.refusals, ret->n_refusals * sizeof(*ret->refusals));
	}
	if (w->output.kept)
		ret->path = xstrdup(w->output.path);
}

static void work_done(struct work *w)
{
	tracees_done(&w->dumped.tracees);
	image_writer_free(w->writer);
	image_output_done(&w->output);
	cgroup_free(w->cg);
	spec_done(&w->spec);
	container_close(&w->c);
	arena_done(&w->arena);
	free(w->directory);
	free(w->upper);
}

int contexe_checkpoint(struct contexe *cx, const char *ref,
		       const struct contexe_checkpoint_options *options,
		       struct contexe_checkpoint_result *ret, struct contexe_error *public_err)
{
	struct error *err = api_error(public_err);
	struct work w = { .cx = cx, .opt = options, .output = IMAGE_OUTPUT_NONE };
	uint64_t start = timestamp_now_monotonic();
	*ret = (struct contexe_checkpoint_result){ 0 };
	int r = look(&w, ref, err);
	if (r == 0)
		r = open_output(&w, err);
	if (r == 0)
		r = carry_out_somewhere(&w, err);
	if (r == 0 && !options->dry_run)
		event_write(cx->root, "checkpoint", w.c->name, w.c->number, w.c->state.id, NULL);
	fill_result(&w, ret);
	ret->total_ns = timestamp_now_monotonic() - start;
	if (r < 0) {
		error_what(err, "cannot checkpoint the container");
		error_object(err, "%s", ref);
	}
	work_done(&w);
	return r;
}

void contexe_checkpoint_result_free(struct contexe_checkpoint_result *r)
{
	free(r->path);
	free(r->refusals);
	*r = (struct contexe_checkpoint_result){ 0 };
}
