/* SPDX-License-Identifier: Apache-2.0 */
/* bringup.c - see bringup.h. */
#include "engine/bringup.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libexec.h"
#include "base/parse.h"
#include "container/plan_idmap.h"
#include "container/views.h"
#include "engine/control.h"
#include "engine/externals.h"
#include "engine/filter_file.h"
#include "engine/restoring.h"
#include "sys/pidfd.h"

static int add_controller(void *arg, const char *controllers, const char *dir)
{
	struct buf *b = arg;
	(void)dir;
	buf_printf(b, "%s%s", b->len ? ";" : "", controllers);
	return 0;
}

/* What /sys/fs/cgroup shall show: see plan_context.cgroup_tree. */
static char *cgroup_tree(const struct cgroup *cg)
{
	enum cgroup_layout layout = cgroup_layout();
	if (!cg || layout == CGROUP_NONE)
		return xstrdup("");
	if (layout == CGROUP_V2)
		return NULL;
	struct buf b = BUF_INIT;
	(void)cgroup_each_v1(cg, add_controller, &b);
	if (layout == CGROUP_HYBRID)
		buf_printf(&b, "%sunified", b.len ? ";" : "");
	return buf_take(&b);
}

int bringup_plan(const struct root *root, const char *dir, const struct spec *spec,
		 const struct cgroup *cg, struct plan *ret, struct error *err)
{
	CLEANUP_STR char *cache = root_path(root, "cache");
	CLEANUP_STR char *tree = cgroup_tree(cg);
	char init[4096];
	int r = libexec_find("contexe-init", init, sizeof(init));
	if (r < 0 && !str_eq(spec->contexe.init, "none")) {
		error_sys(err, -r, "cannot find the program contexe-init");
		return error_hint(err,
				  "reinstall contexe, or set CONTEXE_LIBEXECDIR to where it is");
	}
	CLEANUP_STR char *control = root_control(root);
	struct plan_context ctx = {
		.control = control,
		.dir = dir,
		.cache_dir = cache,
		.init_path = init,
		.privileged = root->privileged,
		.in_userns = root->in_userns,
		.cgroup_tree = tree,
	};
	r = plan_make(spec, &ctx, ret, err);
	if (r == 0) { /* the plan outlives our strings */
		ret->init_path = arena_strdup(&ret->arena, init);
		for (size_t i = 0; i < ret->rootfs.n_ops; i++)
			if (ret->rootfs.ops[i].data == tree && tree)
				ret->rootfs.ops[i].data = arena_strdup(&ret->arena, tree);
	}
	return r;
}

/* Where the job's standard descriptors lead. */
struct wiring {
	int job[3];
	int keep[BUILD_MAX_KEEP];
	size_t n_keep;
};

static int wire_pipe(struct wiring *w, int stream, int *ret_ours, struct error *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	bool input = stream == 0;
	w->job[stream] = fds[input ? 0 : 1];
	*ret_ours = fds[input ? 1 : 0];
	/* kept by contexe-init for a supervisor to come; not the input, which must end when we end it */
	if (!input)
		w->keep[w->n_keep++] = *ret_ours;
	return input ? fd_set_nonblock(*ret_ours, 1) : 0;
}

static int wire_null(int *ret)
{
	*ret = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

/*
 * Terminal: nothing, the pair is made inside. "passthrough": our own descriptors. Else pipes, so that nothing
 * of the host's is open inside.
 */
static int wire(struct wiring *w, const struct spec *spec, bool foreground, struct relay *relay,
		struct error *err)
{
	*w = (struct wiring){ .job = { FD_NONE, FD_NONE, FD_NONE } };
	if (spec->process.terminal)
		return 0;
	int r = 0;
	if (str_eq(spec->contexe.init, "leader"))
		return 0;
	if (str_eq(spec->contexe.log, "passthrough") && foreground) {
		for (int i = 0; i < 3 && r == 0; i++) {
			w->job[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
			r = w->job[i] < 0 ? -errno : 0;
		}
		return r < 0 ? error_sys(err, -r, "cannot pass our descriptors on") : 0;
	}
	if (spec->contexe.interactive)
		r = wire_pipe(w, 0, &relay->sink, err);
	else
		r = wire_null(&w->job[0]);
	if (r == 0)
		r = wire_pipe(w, 1, &relay->source[1], err);
	if (r == 0)
		r = wire_pipe(w, 2, &relay->source[2], err);
	return r;
}

static int open_status(struct container *c, struct error *err)
{
	int fd = openat(c->dir, "status", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	if (fd < 0)
		return error_sys(err, errno, "cannot make the container's status file");
	/* its room is taken now: the end must be told on a full disk, too */
	int r = fd_write_all(fd, "                \n", 17);
	if (r < 0) {
		fd_close(fd);
		return error_sys(err, -r, "cannot make the container's status file");
	}
	return fd;
}

static void terminal_size_for(const struct spec *spec, struct build_io *io)
{
	if (terminal_size(0, &io->rows, &io->cols) < 0 &&
	    terminal_size(1, &io->rows, &io->cols) < 0) {
		io->rows = (uint16_t)spec->process.console_size.height;
		io->cols = (uint16_t)spec->process.console_size.width;
	}
}

int64_t bringup_mapped_root(const struct root *root, const struct spec_idmap *map, size_t n)
{
	for (size_t i = 0; root->privileged && i < n; i++)
		if (map[i].container_id == 0)
			return map[i].host_id;
	return -1;
}

/* The root of a mapped container is another on the way to its layers: it may pass, not look around. */
static int let_pass(struct container *c, struct error *err)
{
	static const char *const dirs[] = { ".", "containers", "host", "images" };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (fchmodat(c->root->fd, dirs[i], 0711, 0) < 0)
			return error_sys(err, errno, "cannot open the state root to a mapped user");
	return fchmod(c->dir, 0711) < 0
		       ? error_sys(err, errno,
				   "cannot open the container's directory to a mapped user")
		       : 0;
}

static int make_layer_dir(struct container *c, const char *name, int64_t uid, int64_t gid,
			  struct error *err)
{
	if (mkdirat(c->dir, name, 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make the container's private layer");
	if (uid >= 0 && fchownat(c->dir, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "cannot give the private layer to a mapped user");
	return 0;
}

/* The directories of a private layer must be there before the tree is built. */
static int make_layers(struct container *c, const struct plan *plan, struct error *err)
{
	const struct spec_linux *l = &plan->spec->linux_;
	bool mapped =
		plan->spec->contexe.idmap; /* the layers are our root's, and shown as theirs */
	int64_t uid =
		mapped ? -1 : bringup_mapped_root(c->root, l->uid_mappings, l->n_uid_mappings);
	int64_t gid =
		mapped ? -1 : bringup_mapped_root(c->root, l->gid_mappings, l->n_gid_mappings);
	int r = uid >= 0 ? let_pass(c, err) : 0;
	for (size_t i = 0; plan->rootfs.upper && r == 0 && i <= plan->rootfs.n_submounts; i++) {
		static const char *const dirs[] = { "upper", "work" };
		for (size_t k = 0; k < ARRAY_SIZE(dirs) && r == 0; k++) {
			char name[64];
			(void)snprintf(name, sizeof(name), i ? "%s.sub%zu" : "%s", dirs[k], i - 1);
			r = make_layer_dir(c, name, uid, gid, err);
		}
	}
	return r;
}

static void describe_stdio(const struct wiring *w, struct live *live)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	stdio_describe(w->job, &text);
	(void)snprintf(live->stdio, sizeof(live->stdio), "%s", buf_str(&text));
}

/* What need not be done before the child is on its way. */
struct meanwhile {
	struct container *c;
	const struct spec *spec;
	struct live *live;
	struct netns *netns; /* its loopback is still to come up; NULL: it is not used */
	const struct security *security;
	bool write_spec;
	bool restored; /* what is installed comes from the image */
};

static int meanwhile(void *arg, struct error *err)
{
	const struct meanwhile *m = arg;
	int r = 0;
	if (m->live->cg && cgroup_fd(m->live->cg) >= 0)
		r = cgroup_set_devices(m->live->cg, &m->spec->linux_.resources, err);
	if (r == 0 && m->write_spec)
		r = container_write_spec(m->c, m->spec, err);
	if (r == 0 && m->netns)
		r = netns_finish(m->netns, err);
	if (r == 0 && !m->restored)
		r = filter_file_write(m->c->dir, m->security, err);
	return r;
}

/* One that belongs to another user namespace cannot be made before that is entered. */
static int netns_for(const struct bringup_request *req, const struct plan *plan)
{
	if (!req->netns)
		return FD_NONE;
	/* who shares memory cannot come back from a time namespace; meanwhile() tells an error */
	if (plan->has_time_offsets)
		IGNORE_RESULT(netns_finish(req->netns, NULL));
	if (!(plan->unshare & CLONE_NEWNET) || (plan->unshare & CLONE_NEWUSER) || plan->joins_user)
		return FD_NONE;
	return netns_take(req->netns);
}

/*
 * What the container's own /proc files need: without them the kernel's are shown, unless they are insisted on. The builder
 * opens /dev/fuse itself where it will be in another user namespace.
 */
static int wire_views(const struct plan *plan, struct views *v, struct build_io *io,
		      struct error *err)
{
	bool userns = (plan->unshare & CLONE_NEWUSER) || plan->joins_user;
	io->views_memory = io->views_fd = FD_NONE;
	if (!plan->views)
		return 0;
	v->memory = views_memory(err);
	if (v->memory >= 0 && !userns)
		v->fuse = views_open(err);
	int r = v->memory < 0 ? v->memory : userns || v->fuse >= 0 ? 0 : v->fuse;
	if (r < 0) {
		views_done(v);
		if (str_eq(plan->spec->contexe.proc_view, "on"))
			return error_what(err, "cannot show the container its own /proc files");
		error_clear(err);
		return 0;
	}
	io->views_memory = v->memory;
	io->views_fd = v->fuse;
	return 0;
}

/* The descriptor that the builder tells of is the same, or that of the new user namespace; none: it could not be mounted. */
static void take_views(struct views *v, int fuse)
{
	fd_close(v->fuse);
	v->fuse = fuse;
	if (fuse < 0)
		views_done(v);
}

/* Who leads the container from outside stands where its job would; contexe-init watches it, too. */
static int take_leader(const struct bringup_request *req, struct build_io *io, struct live *live,
		       struct error *err)
{
	if (!req->leader)
		return 0;
	live->job = (struct pidref){ req->leader->pid, FD_NONE, req->leader->start };
	int r = pidref_open(&live->job);
	if (r < 0)
		return error_sys(err, -r, "the process that is to lead it is gone");
	io->led = true;
	io->keep[io->n_keep++] = live->job.pidfd;
	return 0;
}

/* Between us and the container's init: what it listens on, the channel, what it waits at. The ends that are its own. */
struct ends {
	int channel, start;
};

static int connect_ends(struct container *c, const struct bringup_request *req, struct live *live,
			struct ends *ret, struct error *err)
{
	int fds[2];
	live->listen = control_listen(c->dir, err);
	if (live->listen < 0)
		return live->listen;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	live->channel = fds[0];
	ret->channel = fds[1];
	if (!req->wait_start)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	ret->start = fds[0];
	live->start_fd = fds[1];
	return 0;
}

static void ends_done(struct ends *e)
{
	fd_close(e->channel);
	fd_close(e->start);
}

/* What was built is the supervisor's from here on. */
static int take_built(const struct bringup_request *req, const struct plan *plan,
		      const struct build_io *io, const struct build_result *built,
		      struct relay *relay, struct live *live, struct error *err)
{
	int r = 0;
	CLEANUP_BUF struct buf groups = BUF_INIT;
	take_views(&live->views, built->views);
	live->init = built->init;
	if (!io->led)
		live->job = built->job;
	live->sync = built->sync;
	live->own_init = plan->own_init;
	live->own_pidns = plan->own_pidns;
	if (live->cg)
		cgroup_describe(live->cg, &groups);
	views_tell(&live->views, &live->init, req->born, live->cg ? buf_str(&groups) : NULL);
	if (built->console >= 0) {
		relay->tty = true;
		relay->source[1] = relay->sink = built->console;
		r = fd_set_nonblock(built->console, 1);
	}
	if (r == 0 && req->restoring) { /* while we are busy, files of it are opened */
		views_start(&live->views);
		r = restoring_run(req->restoring, io, built->console, live, err);
	}
	return r;
}

static int bringup_wired(struct container *c, const struct bringup_request *req, struct wiring *w,
			 struct relay *relay, struct live *live, struct error *err)
{
	const struct spec *spec = req->spec;
	CLEANUP_FD int status = open_status(c, err);
	__attribute__((cleanup(ends_done))) struct ends ends = { FD_NONE, FD_NONE };
	struct plan plan CLEANUP_PLAN = { 0 };
	CLEANUP_STR char *containers = root_path(c->root, "containers");
	CLEANUP_STR char *dir = xasprintf("%s/%s", containers, c->name);
	if (status < 0)
		return status;
	int r = connect_ends(c, req, live, &ends, err);
	if (r == 0)
		r = bringup_plan(c->root, dir, spec, live->cg, &plan, err);
	if (r == 0)
		r = make_layers(c, &plan, err);
	if (r == 0)
		r = plan_map_ids(&plan, err);
	struct build_io wanted = { .n_keep = 0 };
	if (r == 0)
		r = wire_views(&plan, &live->views, &wanted, err);
	if (r < 0)
		return r;
	struct meanwhile m = {
		.c = c,
		.spec = spec,
		.live = live,
		.security = &plan.security,
		.write_spec = req->write_spec,
		.restored = req->restoring != NULL,
	};
	struct build_io io = {
		.meanwhile = meanwhile,
		.meanwhile_arg = &m,
		.stdio = { w->job[0], w->job[1], w->job[2] },
		.listen_fd = live->listen,
		.channel_fd = ends.channel,
		.status_fd = status,
		.n_keep = w->n_keep,
		.start_fd = ends.start,
		.netns_fd = netns_for(req, &plan),
		.views_memory = wanted.views_memory,
		.views_fd = wanted.views_fd,
	};
	m.netns = io.netns_fd >= 0 ? req->netns : NULL;
	memcpy(io.keep, w->keep, sizeof(io.keep));
	r = take_leader(req, &io, live, err);
	if (r < 0)
		return r;
	terminal_size_for(spec, &io);
	describe_stdio(w, live);
	struct build_result built;
	if (req->restoring) {
		r = restoring_wire(req->restoring, &io, err);
		if (r < 0)
			return r;
	}
	r = container_build(&plan, live->cg, &io, &built, err);
	if (r < 0)
		return r;
	return take_built(req, &plan, &io, &built, relay, live, err);
}

int bringup(struct container *c, const struct bringup_request *req, struct relay *relay,
	    struct live *ret, struct error *err)
{
	const struct spec *spec = req->spec;
	struct live live = LIVE_NONE;
	struct wiring w;
	char id[160];

	(void)container_group_id(c, id, sizeof(id));
	/* the device rules come later, see meanwhile(), but where there is no v2 group to put them on */
	struct spec_resources limits = spec->linux_.resources;
	if (cgroup_layout() == CGROUP_V2 || cgroup_layout() == CGROUP_HYBRID)
		limits.n_devices = 0;
	int r = cgroup_create(id, spec->linux_.cgroups_path, &limits, &live.cg, err);
	if (r < 0)
		return r;
	r = wire(&w, spec, req->foreground, relay, err);
	if (r == 0)
		r = bringup_wired(c, req, &w, relay, &live, err);
	for (int i = 0; i < 3; i++)
		fd_close(w.job[i]);
	if (r < 0) {
		bringdown(&live);
		(void)unlinkat(c->dir, "ctl", 0);
		relay_done(relay);
		return r;
	}
	*ret = live;
	return 0;
}

void bringdown(struct live *live)
{
	siginfo_t info;
	if (live->cg) {
		/* whoever joined from outside, or shared another's pid namespace, is still there */
		if (cgroup_populated(live->cg))
			IGNORE_RESULT(cgroup_kill(live->cg, NULL));
		if (live->init.pidfd >= 0)
			(void)sys_pidfd_send_signal(live->init.pidfd, SIGKILL);
	} else if (live->init.pidfd >= 0) {
		(void)sys_pidfd_send_signal(live->init.pidfd, SIGKILL);
	}
	/* the kernel ends the others with process 1, but not the leader, who is not in their pid namespace */
	if (live->led && live->job.pidfd >= 0)
		(void)sys_pidfd_send_signal(live->job.pidfd, SIGKILL);
	if (live->init.pidfd >= 0)
		(void)sys_pidfd_wait(live->init.pidfd, &info, WEXITED | __WALL);
	if (live->cg)
		IGNORE_RESULT(cgroup_remove(live->cg, 10000, NULL));
	cgroup_free(live->cg);
	pidref_done(&live->init);
	pidref_done(&live->job);
	fd_close(live->channel);
	fd_close(live->listen);
	fd_close(live->start_fd);
	fd_close(live->sync);
	views_done(&live->views);
	*live = LIVE_NONE;
}
