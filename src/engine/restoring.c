/* SPDX-License-Identifier: Apache-2.0 */
/* restoring.c - see restoring.h. */
#include "engine/restoring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libexec.h"
#include "base/parse.h"
#include "engine/externals.h"
#include "engine/image_check.h"
#include "engine/layer_archive.h"
#include "engine/tasks.h"
#include "engine/within.h"
#include "sys/openat2.h"

#define RESTORE_TIMEOUT_MS 120000
#define SECOND		   1000000000

int restoring_open(const char *path, struct restoring *ret, struct error *err)
{
	struct restoring *r = ret; /* in its place: what is loaded keeps the arena's address */
	struct utsname name;
	*r = RESTORING_NONE;
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		error_sys(err, errno, "cannot open the image");
		return error_object(err, "%s", path);
	}
	r->path = arena_strdup(&r->arena, path);
	int e = image_open(r->fd, &r->img, err);
	if (e == 0)
		e = image_get(r->img, "container", 0, container_record_fields, &r->arena,
			      &r->record, err);
	if (e == 0 && uname(&name) == 0 && !str_eq(name.machine, r->record.machine))
		e = error_set(err, ENOTSUP, "it was made on a %s, this machine is a %s",
			      r->record.machine, name.machine);
	if (e == 0)
		e = spec_parse(r->record.spec.data, r->record.spec.size, &r->spec, err);
	if (e == 0)
		e = spec_check(&r->spec, err);
	if (e == 0)
		e = restore_load(r->img, &r->arena, &r->restore, err);
	if (e < 0) {
		restoring_done(r);
		return error_object(err, "%s", path);
	}
	return 0;
}

void restoring_done(struct restoring *r)
{
	restore_free(r->restore);
	spec_done(&r->spec);
	image_free(r->img);
	arena_done(&r->arena);
	fd_close(r->fd);
	fd_close(r->seed_sock);
	fd_close(r->seed_theirs);
	*r = RESTORING_NONE;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

static void set_offset(struct spec_time_offset *o, uint64_t then, clockid_t clock)
{
	int64_t ns = (int64_t)then - clock_ns(clock);
	int64_t secs = ns / SECOND, rest = ns % SECOND;
	if (rest < 0) {
		secs--;
		rest += SECOND;
	}
	o->secs.set = o->nanosecs.set = true;
	o->secs.v = secs;
	o->nanosecs.v = (__typeof__(o->nanosecs.v))rest;
}

void restoring_set_clocks(const struct restoring *r, struct spec *spec)
{
	set_offset(&spec->linux_.monotonic, r->record.monotonic, CLOCK_MONOTONIC);
	set_offset(&spec->linux_.boottime, r->record.boottime, CLOCK_BOOTTIME);
}

int restoring_wire(struct restoring *r, struct build_io *io, struct error *err)
{
	int fds[2];
	int e = libexec_find("contexe-seed", r->seed_path, sizeof(r->seed_path));
	if (e < 0) {
		error_sys(err, -e, "cannot find the program contexe-seed");
		return error_hint(err,
				  "reinstall contexe, or set CONTEXE_LIBEXECDIR to where it is");
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	r->seed_sock = fds[0];
	r->seed_theirs = fds[1];
	io->seed_path = r->seed_path;
	io->seed_fds[0] = r->seed_theirs;
	io->seed_fds[1] = restore_arena_fd(r->restore);
	io->seed_fds[2] = r->fd;
	return 0;
}

/*
 * contexe-init as it was when the container was made, from the image: the tasks' memory fits that one, whatever
 * version is installed now. Sealed, so that nobody inside changes it through /proc/1/exe.
 */
static int make_init_exe(struct restoring *r, struct error *err)
{
	int fd = memfd_create("contexe-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_sys(err, errno, "cannot make a memfd for contexe-init");
	int e = fchmod(fd, 0555) < 0 ? -errno : image_blob_read(r->img, "init", fd, err);
	if (e == 0)
		(void)fcntl(fd, F_ADD_SEALS,
			    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	if (e < 0) {
		fd_close(fd);
		return error_what(err, "cannot make contexe-init again");
	}
	/* a descriptor that could write keeps a program from being executed (ETXTBSY) and mapped */
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int ro = open(path, O_RDONLY | O_CLOEXEC);
	fd_close(fd);
	return ro < 0 ? error_sys(err, errno, "cannot open contexe-init again") : ro;
}

struct supply {
	struct restoring *r;
	struct restore_external v[64];
	size_t n;
};

static void supply(struct supply *s, const char *name, int fd)
{
	if (fd >= 0 && s->n < ARRAY_SIZE(s->v))
		s->v[s->n++] = (struct restore_external){ name, fd };
}

static const char *const keep_names[] = { "init:keep0", "init:keep1", "init:keep2", "init:keep3",
					  "init:keep4" };

/* The views of /proc are the last that contexe-init keeps; where there are none now, nothing is behind them. */
static void supply_views(struct supply *s, size_t first, const struct views *v, int null)
{
	supply(s, keep_names[first], v->fuse >= 0 ? v->memory : null);
	supply(s, keep_names[first + 1], v->fuse >= 0 ? v->fuse : null);
}

static void supply_all(struct supply *s, const struct build_io *io, int console, int init_exe,
		       const struct views *views, int null)
{
	/* what the caller gave stands before what we have */
	for (size_t i = 0; i < s->r->n_externals; i++)
		supply(s, s->r->externals[i].name, s->r->externals[i].fd);
	supply(s, "init:channel", io->channel_fd);
	supply(s, "init:listen", io->listen_fd);
	supply(s, "init:status", io->status_fd);
	for (size_t i = 0; i < io->n_keep; i++)
		supply(s, keep_names[i], io->keep[i]);
	supply(s, keep_names[io->n_keep], console);
	supply_views(s, io->n_keep + (console >= 0), views, null);
	supply(s, "console", console);
	supply(s, "stdin", io->stdio[0]);
	supply(s, "stdout", io->stdio[1]);
	supply(s, "stderr", io->stdio[2]);
	supply(s, EXTERNAL_INIT_EXE, init_exe);
}

/* Before any open file of it is made: what was in memory file systems. The new mounts are as the old ones were. */
static int fill_tmpfs(struct restoring *r, pid_t seed, struct error *err)
{
	const struct container_tmpfs *v = r->record.tmpfs.v;
	char path[64];
	int e = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)seed);
	CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, errno, "cannot open the new container's root");
	for (size_t i = 0; i < r->record.tmpfs.n && e == 0; i++) {
		struct statfs fs;
		CLEANUP_FD int dir = sys_openat2(root, v[i].destination, O_RDONLY | O_DIRECTORY, 0,
						 RESOLVE_IN_ROOT);
		if (dir < 0 || fstatfs(dir, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
			e = error_set(err, EBADMSG, "the container has no tmpfs at %s",
				      v[i].destination);
		else
			e = layer_archive_unpack(r->img, v[i].blob, dir,
						 r->spec.linux_.n_uid_mappings ? seed : 0, err);
	}
	return e;
}

static int list_pids(void *arg, pid_t **pids, size_t *n)
{
	return container_pids(arg, pids, n);
}

struct running {
	struct restoring *r;
	const struct restore_request *req;
};

static int run_restore(void *arg, struct error *err)
{
	struct running *run = arg;
	return restore_run(run->r->restore, run->req, &run->r->result, err);
}

int restoring_run(struct restoring *r, const struct build_io *io, int console, struct live *live,
		  struct error *err)
{
	CLEANUP_FD int init_exe = FD_NONE;
	struct supply s = { .r = r };
	struct image_check check;
	struct error bad = ERROR_INIT;
	r->seed_theirs = fd_close(r->seed_theirs);
	int e = build_wait_started(&live->sync, err);
	if (e == 0 && r->record.own_init) {
		init_exe = make_init_exe(r, err);
		e = init_exe < 0 ? init_exe : 0;
	}
	if (e == 0)
		e = fill_tmpfs(r, live->init.pid, err);
	if (e < 0)
		return e;
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	supply_all(&s, io, console, init_exe, &live->views, null);
	struct container_tasks tasks = { .cg = live->cg, .init = live->init.pid };
	struct restore_request req = {
		.seed = live->init.pid,
		.seed_pidfd = live->init.pidfd,
		.seed_sock = r->seed_sock,
		.externals = s.v,
		.n_externals = s.n,
		.lister = list_pids,
		.lister_arg = &tasks,
		.timeout_ms = RESTORE_TIMEOUT_MS,
		.before_go = image_check_wait,
		.arg = &check,
		.watch = r->watch,
		.own_init = r->record.own_init,
		.userns = r->spec.linux_.n_uid_mappings > 0,
	};
	struct running run = { r, &req };
	image_check_start(&check, r->img);
	/* without root, tasks of other ids than ours can be looked after only from within */
	e = req.userns && geteuid() != 0 ? within_userns(live->init.pidfd, run_restore, &run, err)
					 : run_restore(&run, err);
	if (e < 0 && image_check_wait(&check, &bad) < 0) { /* what failed may follow from it */
		*err = bad;
		error_object(err, "%s", r->path);
	}
	image_check_done(&check);
	r->seed_sock = fd_close(r->seed_sock);
	if (e < 0)
		return error_what(err, "cannot restore the container's tasks");
	pid_t job = restore_host_pid(r->restore, r->record.job);
	if (r->record.own_init && job > 0)
		IGNORE_RESULT(pidref_from_pid(job, &live->job));
	return 0;
}
