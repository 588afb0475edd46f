/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fifo.c - named pipes, fifo(7): found by their path; ends, content and capacity as with pipes.
 *
 * An open of one end waits for the other one. So while ends are opened the holder has both open, in one open file
 * that is closed in finish(). The exception is a reader to whom no writer ever came: it meets neither
 * data nor hang-up, and must be opened while there is no writer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"
#include "checkpoint/kind/inode_note.h"
#include "checkpoint/kind/pipe_content.h"
#include "checkpoint/kind/procfd.h"

struct fifo_end {
	struct file_path where;
	uint64_t fifo;	/* id of the inode */
	bool untouched; /* a reader without writers, now and before */
};

static const struct field fields[] = {
	FIELD(struct fifo_end, where, MAP, .fields = file_path_fields),
	FIELD(struct fifo_end, fifo, U64),
	FIELD(struct fifo_end, untouched, BOOL, .optional = true),
	FIELDS_END,
};

struct seen {
	bool readers, writers;
	bool settled;
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct fifo_end *rec = record;
	struct seen *seen = inode_note(c, &f->st, fields, sizeof(*seen), &rec->fifo);
	int mode = f->flags & O_ACCMODE;
	if (!(f->flags & O_PATH)) {
		seen->readers |= mode != O_WRONLY;
		seen->writers |= mode != O_RDONLY;
	}
	return file_path_collect(c, f, &rec->where, err);
}

/* An empty fifo without any writer reads as end of file, with one as "later". */
static bool has_writer(struct collect *c, const struct file_facts *f)
{
	char byte;
	CLEANUP_FD int fd = procfd_open(c->proc, f->fd, O_RDONLY | O_NONBLOCK);
	return fd < 0 || read(fd, &byte, 1) != 0;
}

static bool held_outside(struct collect *c, const struct file_facts *f, const struct seen *seen,
			 struct fifo_end *rec)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	if (f->flags & O_PATH || (seen->readers && seen->writers) || poll(&p, 1, 0) < 0)
		return false;
	if (!seen->readers)
		return !(p.revents & POLLERR);
	if (p.revents & POLLHUP)
		return false;
	if (p.revents & POLLIN || has_writer(c, f))
		return true;
	rec->untouched = true;
	return false;
}

static int settle(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct fifo_end *rec = record;
	struct seen *seen = inode_note(c, &f->st, fields, sizeof(*seen), NULL);
	if (held_outside(c, f, seen, rec))
		return file_refuse(c, f, "a process outside of the container holds the other end",
				   "end that process");
	if (seen->settled || f->flags & O_PATH)
		return 0;
	seen->settled = true;
	struct pipe_content content;
	int r = pipe_content_collect(c, f->fd, &content, err);
	if (r < 0)
		return error_object(err, "%s", file_name(c, f));
	return collect_put(c, "fifo", rec->fifo, pipe_content_fields, &content, err);
}

/* ---- restore ---- */

static int open_end(struct holder *h, const struct fifo_end *rec, int flags, struct error *err)
{
	return file_path_open(h, &rec->where, flags & O_PATH ? flags : flags | O_NONBLOCK, err);
}

/* Both ends at once: never waits. Filled when it is opened first. */
static int open_both(struct holder *h, const struct fifo_end *rec, struct error *err)
{
	if (holder_stashed(h, "fifo", rec->fifo) >= 0)
		return 0;
	struct pipe_content content;
	int r = image_get(holder_image(h), "fifo", rec->fifo, pipe_content_fields, holder_arena(h),
			  &content, err);
	if (r < 0)
		return r;
	CLEANUP_FD int both = open_end(h, rec, O_RDWR, err);
	if (both < 0)
		return both;
	int n = 0;
	if (ioctl(both, FIONREAD, &n) < 0 || n > 0)
		return error_set(err, EBUSY, "another process uses the fifo");
	r = pipe_content_fill(both, &content, err);
	if (r == 0)
		holder_stash_take(h, "fifo", rec->fifo, take_fd(&both));
	return r;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct fifo_end *rec = record;
	int r = 0;
	if (rec->untouched) /* there is no writer, so nothing is in it that could be lost */
		fd_close(holder_unstash(h, "fifo", rec->fifo));
	else if (!(flags & O_PATH))
		r = open_both(h, rec, err);
	if (r == 0)
		r = open_end(h, rec, flags, err);
	return r < 0 ? error_object(err, "%s", rec->where.path) : r;
}

static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	(void)id;
	(void)fd;
	(void)err;
	fd_close(holder_unstash(h, "fifo", ((const struct fifo_end *)record)->fifo));
	return 0;
}

static void describe(const void *record, struct buf *out)
{
	file_path_describe(&((const struct fifo_end *)record)->where, out);
}

static const struct file_match matches[] = { { FILE_FIFO, NULL }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_fifo = {
	.name = "fifo",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct fifo_end),
	.collect = collect,
	.settle = settle,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
