/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe.c - pipe(2): ends, content, capacity, packet mode. An end that nobody holds stays closed, so that the other one meets
 * end of file or EPIPE.
 *
 * The record of each open file names the pipe (id of the inode); the pipe's own record, type "pipe", has the content.
 * On restore the first end makes the pipe; the open files that pipe2(2) made go to the ends that look like those, further ones are
 * opened anew. Ends that were not handed out are closed in finish().
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/inode_note.h"
#include "checkpoint/kind/owner.h"
#include "checkpoint/kind/pipe_content.h"
#include "checkpoint/kind/procfd.h"

#define LARGEFILE 0100000 /* shown for an end that was opened through /proc */

struct pipe_end {
	uint64_t pipe;
	char *external; /* the pipe is outside: that of this external thing */
};

struct pipe_record {
	struct owner owner;
	struct pipe_content content;
};

static const struct field fields[] = {
	FIELD(struct pipe_end, pipe, U64),
	FIELD(struct pipe_end, external, TEXT, .optional = true, .max = 256),
	FIELDS_END,
};

static const struct field pipe_fields[] = {
	FIELD(struct pipe_record, owner, MAP, .fields = owner_fields),
	FIELD(struct pipe_record, content, MAP, .fields = pipe_content_fields),
	FIELDS_END,
};

/* What the dump knows of a pipe. */
struct seen {
	bool readers, writers; /* in the container */
	bool settled;
};

static bool can_read(int flags)
{
	return !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY;
}

static bool can_write(int flags)
{
	return !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	(void)err;
	struct pipe_end *rec = record;
	struct seen *seen = inode_note(c, &f->st, fields, sizeof(*seen), &rec->pipe);
	seen->readers |= can_read(f->flags);
	seen->writers |= can_write(f->flags);
	return 0;
}

/* Whether the end that the container does not hold is held by somebody: then poll(2) tells no hang-up. */
static bool held_outside(const struct file_facts *f, const struct seen *seen)
{
	struct pollfd p = { .fd = f->fd };
	if (f->flags & O_PATH || (seen->readers && seen->writers) || poll(&p, 1, 0) < 0)
		return false;
	return !(p.revents & (seen->readers ? POLLHUP : POLLERR));
}

static int settle(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct pipe_end *rec = record;
	struct seen *seen = inode_note(c, &f->st, fields, sizeof(*seen), NULL);
	/* an end of standard output that was opened once more, by /dev/stdout */
	const char *external = collect_external(c, f->st.st_dev, f->st.st_ino);
	if (external) {
		rec->external = arena_strdup(c->arena, external);
		return 0;
	}
	if (held_outside(f, seen))
		return file_refuse(
			c, f, "a process outside of the container holds the other end",
			"hand it in as a descriptor of the container's, or end that process");
	if (seen->settled)
		return 0;
	seen->settled = true;
	struct pipe_record pipe = { 0 };
	int r = owner_collect(c, &f->st, &pipe.owner, err);
	if (r == 0)
		r = pipe_content_collect(c, f->fd, &pipe.content, err);
	if (r < 0)
		return error_object(err, "%s", file_name(c, f));
	return collect_put(c, "pipe", rec->pipe, pipe_fields, &pipe, err);
}

/* ---- restore ---- */

enum part { PART_NODE, PART_READ, PART_WRITE, PART_N };

static uint64_t key(uint64_t pipe, enum part part)
{
	return pipe * PART_N + part;
}

static int make(struct holder *h, uint64_t id, struct error *err)
{
	struct pipe_record pipe;
	int r = image_get(holder_image(h), "pipe", id, pipe_fields, holder_arena(h), &pipe, err);
	if (r < 0)
		return r;
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "pipe2(2)");
	CLEANUP_FD int reader = fds[0];
	CLEANUP_FD int writer = fds[1];
	r = pipe_content_fill(writer, &pipe.content, err);
	if (r == 0)
		r = owner_apply(writer, &pipe.owner, err);
	int node = r < 0 ? r : procfd_open(holder_proc(h), reader, O_PATH);
	if (node < 0)
		return r < 0 ? r : error_sys(err, -node, "cannot open a pipe once more");
	if (fcntl(writer, F_SETFL, 0) < 0) {
		fd_close(node);
		return error_sys(err, errno, "fcntl(2) of a pipe");
	}
	holder_stash_take(h, "pipe", key(id, PART_NODE), node);
	holder_stash_take(h, "pipe", key(id, PART_READ), take_fd(&reader));
	holder_stash_take(h, "pipe", key(id, PART_WRITE), take_fd(&writer));
	return 0;
}

static int open_external(struct holder *h, const char *name, int flags, struct error *err)
{
	struct stat st;
	int given = holder_external(h, name, err);
	if (given < 0)
		return given;
	if (fstat(given, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		(void)error_set(err, EINVAL,
				"it was a pipe at the checkpoint, and was opened once more");
		(void)error_object(err, "%s", name);
		return error_hint(err, "supply a pipe");
	}
	int fd = procfd_open(holder_proc(h), given, flags);
	return fd < 0 ? error_sys(err, -fd, "%s: cannot open it once more", name) : fd;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct pipe_end *rec = record;
	int again = flags & O_PATH ? O_PATH : (flags & O_ACCMODE) | O_NONBLOCK;
	if (rec->external)
		return open_external(h, rec->external, again, err);
	int node = holder_stashed(h, "pipe", key(rec->pipe, PART_NODE));
	if (node < 0) {
		int r = make(h, rec->pipe, err);
		if (r < 0)
			return r;
		node = holder_stashed(h, "pipe", key(rec->pipe, PART_NODE));
	}
	int mode = flags & O_ACCMODE;
	if (mode != O_RDWR && !(flags & (O_PATH | LARGEFILE))) {
		int fd = holder_unstash(h, "pipe",
					key(rec->pipe, mode == O_RDONLY ? PART_READ : PART_WRITE));
		if (fd >= 0)
			return fd;
	}
	int fd = procfd_open(holder_proc(h), node, again);
	return fd < 0 ? error_sys(err, -fd, "cannot open a pipe once more") : fd;
}

static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	(void)id;
	(void)fd;
	(void)err;
	const struct pipe_end *rec = record;
	for (enum part part = PART_NODE; part < PART_N; part++)
		fd_close(holder_unstash(h, "pipe", key(rec->pipe, part)));
	return 0;
}

static void describe(const void *record, struct buf *out)
{
	buf_printf(out, "pipe %llu", (unsigned long long)((const struct pipe_end *)record)->pipe);
}

static const struct file_match matches[] = { { FILE_PIPE, NULL }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_pipe = {
	.name = "pipe",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct pipe_end),
	.collect = collect,
	.settle = settle,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
