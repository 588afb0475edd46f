/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty.c - open files of pseudo terminals: masters (/dev/ptmx), slaves (/dev/pts/N) and /dev/tty, which is the slave under
 * another name. pts(4).
 *
 * A pair lives as long as an end is open. Its master is in the container (a terminal multiplexer), or it is outside: that of
 * the container's own terminal is supplied again, as "console" or as what contexe-init keeps; what was typed there and is not
 * read yet goes with the first of its slaves, what was written is the supervisor's to read. Any other (of an exec session)
 * is gone with whoever held it: its slaves see a hang-up after the restore, as they do when it dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"
#include "checkpoint/kind/owner.h"
#include "checkpoint/kind/pty.h"
#include "checkpoint/kind/pty_open.h"
#include "checkpoint/kind/pty_queue.h"
#include "sys/openat2.h"

#define STASH	  "tty" /* masters, by number: copies of what holder_fd() and holder_external() have */
#define MAX_KEPT  8	/* INIT_MAX_KEEP */
#define ROLE_SIZE 16

#define MASTER	"master"
#define SLAVE	"slave"
#define CURRENT "current" /* /dev/tty */
#define PATH	"path"	  /* O_PATH: the node alone */

#define QUEUE "tty.queue" /* record of a pair, id = index */

struct tty_record {
	char *role;
	int32_t index;
	char *path;
	bool hung_up;	   /* the other end, or the session, is gone */
	bool other_closed; /* master: there was a slave, and the last one was closed */
	bool packet, slave_locked;
	struct pty_state state;
	struct owner owner; /* of the node in /dev/pts */
	bool has_owner;
	uint32_t unread; /* bytes that wait to be read, and are lost: the master is outside */
};

static const struct field fields[] = {
	FIELD(struct tty_record, role, TEXT, .max = ROLE_SIZE),
	FIELD(struct tty_record, index, I32, .optional = true),
	FIELD(struct tty_record, path, TEXT, .max = 4352),
	FIELD(struct tty_record, hung_up, BOOL, .optional = true),
	FIELD(struct tty_record, other_closed, BOOL, .optional = true),
	FIELD(struct tty_record, packet, BOOL, .optional = true),
	FIELD(struct tty_record, slave_locked, BOOL, .optional = true),
	FIELD(struct tty_record, state, MAP, .fields = pty_state_fields),
	FIELD(struct tty_record, owner, MAP, .fields = owner_fields),
	FIELD(struct tty_record, has_owner, BOOL, .optional = true),
	FIELD(struct tty_record, unread, U32, .optional = true),
	FIELDS_END,
};

static bool is(const struct tty_record *rec, const char *role)
{
	return str_eq(rec->role, role);
}

/* ---- dump ---- */

static bool is_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };
	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

/* The node of a pair, looked at without opening it. */
static int node_collect(struct collect *c, struct tty_record *rec, struct error *err)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%d/root", (int)c->init);
	CLEANUP_FD int root = openat(c->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, errno, "cannot open the container's root");
	(void)snprintf(path, sizeof(path), "dev/pts/%d", rec->index);
	CLEANUP_FD int node = sys_openat2(root, path, O_PATH | O_NOFOLLOW, 0,
					  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (node < 0 || fstat(node, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    pty_index_of(st.st_rdev) != rec->index)
		return 0; /* removed, or hidden by a mount: left as it is made */
	rec->has_owner = true;
	return owner_collect(c, &st, &rec->owner, err);
}

/* Two masters of one number are of two devpts: only that of the container at /dev/pts is made again. */
static bool has_twin(const struct collect *c, const struct file_facts *f, int index)
{
	const struct object *o;
	for (size_t i = 0; (o = objects_at(c->objects, OBJECT_FILE, i)); i++) {
		struct stat st;
		if (o->id == f->id || fstat(o->fd, &st) < 0 || st.st_rdev != f->st.st_rdev ||
		    !S_ISCHR(st.st_mode))
			continue;
		if (pty_master_index(o->fd) == index)
			return true;
	}
	return false;
}

static int master_collect(struct collect *c, const struct file_facts *f, struct tty_record *rec,
			  struct error *err)
{
	int locked = 0, packet = 0;
	rec->index = pty_master_index(f->fd);
	if (rec->index < 0 || ioctl(f->fd, TIOCGPTLCK, &locked) < 0 ||
	    ioctl(f->fd, TIOCGPKT, &packet) < 0)
		return error_sys(err, errno, "cannot read the state of a pseudo terminal");
	if (has_twin(c, f, rec->index))
		return file_refuse(c, f, "there are two devpts file systems with this terminal",
				   "end the container within the container");
	rec->slave_locked = locked;
	rec->packet = packet;
	rec->other_closed = is_hung_up(f->fd);
	return 0;
}

static int slave_collect(struct collect *c, const struct file_facts *f, struct tty_record *rec,
			 struct error *err)
{
	(void)err;
	int index = pty_index(f->fd);
	rec->hung_up = index == -EIO;
	if (rec->hung_up)
		index = pty_index_of(f->st.st_rdev); /* of /dev/tty nothing is left to tell */
	rec->index = index < 0 ? 0 : index;
	if (index < 0 && !rec->hung_up)
		return file_refuse(c, f, "it is a terminal of the machine",
				   "run the program with a terminal of its own (contexe run -t)");
	return 0;
}

static int state_collect(struct collect *c, const struct file_facts *f, struct tty_record *rec,
			 struct error *err)
{
	int n = 0;
	if (ioctl(f->fd, FIONREAD, &n) == 0 && n > 0)
		rec->unread = (uint32_t)n;
	int r = pty_state_collect(f->fd, c->arena, &rec->state, err);
	if (r == -ENOTSUP)
		return file_refuse(c, f, "it has a line discipline of its own",
				   "end the program that uses it (slattach, pppd)");
	return r < 0 ? r : node_collect(c, rec, err);
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct tty_record *rec = record;
	const char *key = file_classify(c, f).key;
	rec->path = arena_strdup(c->arena, f->link);
	if (str_eq(key, "console") && !(f->flags & O_PATH))
		return file_refuse(c, f, "it is the machine's console",
				   "run the program with a terminal of its own (contexe run -t)");
	bool master = str_eq(key, "ptmx");
	const char *role = f->flags & O_PATH	? PATH
			   : master		? MASTER
			   : str_eq(key, "tty") ? CURRENT
						: SLAVE;
	rec->role = arena_strdup(c->arena, role);
	if (f->flags & O_PATH) {
		rec->index = MAX(pty_index_of(f->st.st_rdev), -1);
		return 0;
	}
	size_t before = c->n_refusals;
	int r = master ? master_collect(c, f, rec, err) : slave_collect(c, f, rec, err);
	if (r < 0 || rec->hung_up || c->n_refusals > before)
		return r;
	return state_collect(c, f, rec, err);
}

/* An end of that pair, of the container or of contexe-init; NULL. */
static const struct object *find_end(const struct collect *c, int index, bool master)
{
	const struct object *o;
	for (size_t i = 0; (o = objects_at(c->objects, OBJECT_FILE, i)); i++) {
		struct stat st;
		if (fstat(o->fd, &st) < 0 || !S_ISCHR(st.st_mode) || fcntl(o->fd, F_GETFL) & O_PATH)
			continue;
		if (master ? pty_master_index(o->fd) == index
			   : pty_index_of(st.st_rdev) == index && !is_hung_up(o->fd))
			return o;
	}
	return NULL;
}

/* What waits in the pair. A slave that nobody has is opened only where that tells the master nothing new. */
static int queue_collect(struct collect *c, const struct file_facts *f,
			 const struct tty_record *rec, struct error *err)
{
	struct pty_queue queue;
	CLEANUP_FD int peer = rec->other_closed ? pty_peer(f->fd, O_RDWR) : FD_NONE;
	const struct object *end = peer >= 0 ? NULL : find_end(c, rec->index, false);
	if (peer < 0 && !end)
		return 0;
	int slave = end ? end->fd : peer;
	int r = pty_queue_take(f->fd, slave, c->arena, &queue, err);
	if (r < 0 || pty_queue_empty(&queue))
		return r;
	r = pty_queue_put(f->fd, slave, &rec->state.termios, &queue, err);
	return r < 0 ? r
		     : collect_put(c, QUEUE, (uint64_t)rec->index, pty_queue_fields, &queue, err);
}

/* Typed into the container's own terminal, whose master is no file of the container's: once for all slaves. */
static int typed_collect(struct collect *c, const struct file_facts *f,
			 const struct tty_record *rec, int master, struct error *err)
{
	struct pty_queue queue;
	const struct object *first = find_end(c, rec->index, false);
	if (!first || first->id != f->id)
		return 0;
	CLEANUP_FD int slave = pty_peer(master, O_RDWR);
	if (slave < 0)
		return error_sys(err, -slave, "cannot open the container's terminal");
	int r = pty_queue_take_typed(slave, c->arena, &queue, err);
	if (r < 0 || pty_queue_empty(&queue))
		return r;
	r = pty_queue_put(master, slave, &rec->state.termios, &queue, err);
	return r < 0 ? r
		     : collect_put(c, QUEUE, (uint64_t)rec->index, pty_queue_fields, &queue, err);
}

static int settle(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct tty_record *rec = record;
	if (is(rec, PATH) || rec->hung_up)
		return 0;
	const struct object *master = is(rec, MASTER) ? NULL : find_end(c, rec->index, true);
	if (!is(rec, MASTER) && !master)
		return 0;
	rec->unread = 0;
	if (!c->w)
		return 0;
	if (is(rec, MASTER))
		return queue_collect(c, f, rec, err);
	return collect_external_file(c, master->data) ? typed_collect(c, f, rec, master->fd, err)
						      : 0;
}

/* ---- restore ---- */

/* Calls back for each record of ours, until that tells true. */
static bool each_record(struct holder *h, bool (*look)(const struct tty_record *rec, void *arg),
			void *arg, uint64_t *ret_id)
{
	struct image_record raw;
	for (size_t at = 0; image_each(holder_image(h), &at, &raw);) {
		struct tty_record rec;
		if (!str_eq(raw.type, "file.tty") ||
		    image_get(holder_image(h), raw.type, raw.id, fields, holder_arena(h), &rec,
			      NULL) < 0)
			continue;
		if (look(&rec, arg)) {
			*ret_id = raw.id;
			return true;
		}
	}
	return false;
}

static bool is_master_of(const struct tty_record *rec, void *arg)
{
	return is(rec, MASTER) && rec->index == *(int *)arg;
}

static bool note_index(const struct tty_record *rec, void *arg)
{
	*(int *)arg = MAX(*(int *)arg, rec->index);
	return false;
}

/* The master of the container's own terminal, when its number is this; it stays the holder's. */
static int outside_master(struct holder *h, int index)
{
	for (int i = -1; i < MAX_KEPT; i++) {
		char name[32] = "console";
		if (i >= 0)
			(void)snprintf(name, sizeof(name), "init:keep%d", i);
		int fd = holder_external(h, name, NULL);
		if (fd >= 0 && pty_master_index(fd) == index)
			return fd;
	}
	return -ENXIO;
}

/* The master of a pair, wherever it is; stays the holder's. -ENXIO: it is nowhere. */
static int find_master(struct holder *h, int index, struct error *err)
{
	int fd = holder_stashed(h, STASH, (uint64_t)index);
	if (fd >= 0)
		return fd;
	uint64_t id;
	fd = each_record(h, is_master_of, &index, &id) ? holder_fd(h, id, err)
						       : outside_master(h, index);
	if (fd < 0)
		return fd;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return error_sys(err, errno, "cannot duplicate a descriptor");
	holder_stash_take(h, STASH, (uint64_t)index, copy);
	return copy;
}

/* By its path where it was opened by another name than its own: /dev/console. */
static int open_by_path(const struct tty_record *rec, int flags)
{
	struct stat st;
	if (str_has_prefix(rec->path, "/dev/pts/") || rec->path[0] != '/')
		return -ENOENT;
	CLEANUP_FD int node = sys_openat2(AT_FDCWD, rec->path, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
	if (node < 0 || fstat(node, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    pty_index_of(st.st_rdev) != rec->index)
		return -ENOENT;
	return sys_openat2(AT_FDCWD, rec->path, (uint64_t)(unsigned)(flags | O_NOCTTY), 0,
			   RESOLVE_NO_MAGICLINKS);
}

static int open_slave(struct holder *h, const struct tty_record *rec, int flags, struct error *err)
{
	int master = rec->hung_up ? -ENXIO : find_master(h, rec->index, err);
	if (master == -ENXIO) {
		int above = 0;
		uint64_t id;
		(void)each_record(h, note_index, &above, &id);
		return pty_open_hung_up(h, above, flags, err);
	}
	if (master < 0)
		return master;
	if (is(rec, CURRENT))
		return pty_open_current(master, flags, err);
	int fd = open_by_path(rec, flags);
	if (fd < 0)
		fd = pty_peer(master, flags);
	return fd < 0 ? error_sys(err, -fd, "cannot open a pseudo terminal") : fd;
}

static int open_node(struct holder *h, const struct tty_record *rec, int flags, struct error *err)
{
	if (rec->index >= 0)
		IGNORE_RESULT(find_master(h, rec->index, NULL));
	int fd = sys_openat2(AT_FDCWD, rec->path, O_PATH | (uint64_t)(flags & O_NOFOLLOW), 0,
			     RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? error_sys(err, -fd, "cannot open the node of a terminal") : fd;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct tty_record *rec = record;
	int wanted = file_path_flags(flags) & ~O_PATH;
	if (rec->index < -1 || rec->index >= PTY_MAX_INDEX)
		return error_set(err, EBADMSG, "there is no pseudo terminal %d", rec->index);
	if (is(rec, PATH))
		return open_node(h, rec, flags, err);
	if (is(rec, MASTER))
		return pty_open_master(h, rec->path, rec->index, wanted, err);
	return open_slave(h, rec, wanted, err);
}

static int node_apply(struct holder *h, const struct tty_record *rec, struct error *err)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof(path), "/dev/pts/%d", rec->index);
	CLEANUP_FD int node =
		sys_openat2(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	if (node < 0 || fstat(node, &st) < 0 || pty_index_of(st.st_rdev) != rec->index)
		return 0;
	if (fchownat(node, "", rec->owner.uid, rec->owner.gid, AT_EMPTY_PATH) < 0)
		return error_sys(err, errno, "cannot give %s to %u:%u", path, rec->owner.uid,
				 rec->owner.gid);
	(void)snprintf(path, sizeof(path), "self/fd/%d", node);
	if (fchmodat(holder_proc(h), path, rec->owner.mode & 07777, 0) < 0)
		return error_sys(err, errno, "cannot set the mode of /dev/pts/%d", rec->index);
	return 0;
}

static int queue_apply(struct holder *h, int fd, const struct tty_record *rec, struct error *err)
{
	struct pty_queue queue;
	uint64_t index = (uint64_t)rec->index;
	if (!image_has(holder_image(h), QUEUE, index))
		return 0;
	int r = image_get(holder_image(h), QUEUE, index, pty_queue_fields, holder_arena(h), &queue,
			  err);
	if (r < 0)
		return r;
	CLEANUP_FD int slave = pty_peer(fd, O_RDWR);
	if (slave < 0)
		return error_sys(err, -slave, "cannot open a pseudo terminal");
	return pty_queue_put(fd, slave, &rec->state.termios, &queue, err);
}

static bool is_slave_of(const struct tty_record *rec, void *arg)
{
	return (is(rec, SLAVE) || is(rec, CURRENT)) && !rec->hung_up && rec->index == *(int *)arg;
}

/* The first slave of a terminal whose master comes from outside brings what was typed there. */
static int typed_apply(struct holder *h, uint64_t id, const struct tty_record *rec,
		       struct error *err)
{
	int index = rec->index;
	uint64_t first, none;
	if (!image_has(holder_image(h), QUEUE, (uint64_t)index) ||
	    each_record(h, is_master_of, &index, &none) ||
	    !each_record(h, is_slave_of, &index, &first) || first != id)
		return 0;
	int master = find_master(h, index, err);
	return master < 0 ? 0 : queue_apply(h, master, rec, err);
}

static int master_finish(int fd, const struct tty_record *rec, struct error *err)
{
	int locked = rec->slave_locked, packet = rec->packet;
	if (rec->other_closed)
		fd_close(pty_peer(fd, O_RDWR));
	if (ioctl(fd, TIOCSPTLCK, &locked) < 0 || ioctl(fd, TIOCPKT, &packet) < 0)
		return error_sys(err, errno, "cannot set the state of a pseudo terminal");
	return 0;
}

static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	const struct tty_record *rec = record;
	if (is(rec, PATH) || rec->hung_up || is_hung_up(fd))
		return 0;
	int r = is(rec, MASTER) ? queue_apply(h, fd, rec, err) : typed_apply(h, id, rec, err);
	if (r == 0)
		r = pty_state_apply(fd, &rec->state, err);
	if (r == 0 && is(rec, MASTER))
		r = master_finish(fd, rec, err);
	return r == 0 && rec->has_owner ? node_apply(h, rec, err) : r;
}

static void describe(const void *record, struct buf *out)
{
	const struct tty_record *rec = record;
	buf_printf(out, "%s %s", rec->role, rec->path);
	if (!is(rec, SLAVE))
		buf_printf(out, " of /dev/pts/%d", rec->index);
	if (rec->hung_up)
		buf_puts(out, ", hung up");
	if (rec->unread)
		buf_printf(out, ", %u bytes that wait there are lost", rec->unread);
}

static const struct file_match matches[] = {
	{ FILE_CHAR, "ptmx" },	  { FILE_CHAR, "pts" },	     { FILE_CHAR, "tty" },
	{ FILE_CHAR, "console" }, { FILE_CLASS_NONE, NULL },
};

const struct file_kind file_kind_tty = {
	.name = "tty",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct tty_record),
	.collect = collect,
	.settle = settle,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
