/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfd.c - memfd_create(2): content, size, seals, name. Several open files for one memfd share it.
 *
 * Type "memfd", id: that of the inode. Seals are set when it is filled and all open files exist. F_SEAL_FUTURE_WRITE
 * lets mappings be that could be written before: so it is set late, when tasks have mapped it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/content.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/inode_note.h"
#include "checkpoint/kind/owner.h"
#include "checkpoint/kind/procfd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

struct memfd_open {
	uint64_t memfd;
	uint64_t position;
	uint32_t seals;
};

struct memfd_record {
	char *name;
	struct owner owner;
	struct content content;
};

static const struct field fields[] = {
	FIELD(struct memfd_open, memfd, U64),
	FIELD(struct memfd_open, position, U64, .optional = true),
	FIELD(struct memfd_open, seals, U32, .optional = true),
	FIELDS_END,
};

static const struct field memfd_fields[] = {
	FIELD(struct memfd_record, name, TEXT, .max = 256),
	FIELD(struct memfd_record, owner, MAP, .fields = owner_fields),
	FIELD(struct memfd_record, content, MAP, .fields = content_fields),
	FIELDS_END,
};

/* "/memfd:NAME (deleted)" */
static char *memfd_name(struct collect *c, const char *link)
{
	static const char prefix[] = "/memfd:", tail[] = " (deleted)";
	const char *name = link + sizeof(prefix) - 1;
	size_t n = strlen(name);
	if (n >= sizeof(tail) - 1 && strcmp(name + n - (sizeof(tail) - 1), tail) == 0)
		n -= sizeof(tail) - 1;
	return arena_strndup(c->arena, name, n);
}

static int collect_memfd(struct collect *c, const struct file_facts *f, uint64_t id,
			 struct error *err)
{
	struct memfd_record rec = { .name = memfd_name(c, f->link) };
	CLEANUP_FD int fd = procfd_open(c->proc, f->fd, O_RDONLY);
	if (fd < 0)
		return error_sys(err, -fd, "cannot open it once more");
	int r = owner_collect(c, &f->st, &rec.owner, err);
	if (r == 0)
		r = content_collect(c, fd, &rec.content, err);
	return r < 0 ? r : collect_put(c, "memfd", id, memfd_fields, &rec, err);
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct memfd_open *rec = record;
	bool *known = inode_note(c, &f->st, fields, sizeof(*known), &rec->memfd);
	rec->position = f->pos > 0 ? (uint64_t)f->pos : 0;
	int seals = fcntl(f->fd, F_GET_SEALS);
	rec->seals = seals < 0 ? 0 : (uint32_t)seals; /* O_PATH: others will tell */
	if (*known)
		return 0;
	*known = true;
	int r = collect_memfd(c, f, rec->memfd, err);
	return r < 0 ? error_object(err, "%s", file_name(c, f)) : 0;
}

static int make(struct holder *h, uint64_t id, struct error *err)
{
	struct memfd_record rec;
	int r = image_get(holder_image(h), "memfd", id, memfd_fields, holder_arena(h), &rec, err);
	if (r < 0)
		return r;
	/* before 6.3 there is no MFD_EXEC; after it, no flag may mean "no execution" by sysctl */
	CLEANUP_FD int fd = memfd_create(rec.name, MFD_CLOEXEC | MFD_ALLOW_SEALING |
							   (rec.owner.mode & 0111 ? MFD_EXEC : 0));
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(rec.name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_sys(err, errno, "memfd_create(2)");
	r = content_fill(h, &rec.content, fd, err);
	if (r == 0)
		r = owner_apply(fd, &rec.owner, err);
	int node = r < 0 ? r : procfd_open(holder_proc(h), fd, O_PATH);
	if (node < 0)
		return r < 0 ? error_object(err, "memfd %s", rec.name)
			     : error_sys(err, -node, "cannot open a memfd once more");
	holder_stash_take(h, "memfd", id, node);
	return 0;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct memfd_open *rec = record;
	if (holder_stashed(h, "memfd", rec->memfd) < 0) {
		int r = make(h, rec->memfd, err);
		if (r < 0)
			return r;
	}
	int node = holder_stashed(h, "memfd", rec->memfd);
	CLEANUP_FD int fd = procfd_open(holder_proc(h), node, flags & (O_ACCMODE | O_PATH));
	if (fd < 0)
		return error_sys(err, -fd, "cannot open a memfd once more");
	if (!(flags & O_PATH) && lseek(fd, (off_t)rec->position, SEEK_SET) < 0)
		return error_sys(err, errno, "cannot set the position in a memfd");
	return take_fd(&fd);
}

static int finish(struct holder *h, uint64_t id, int fd, const void *record, struct error *err)
{
	(void)id;
	const struct memfd_open *rec = record;
	unsigned now = rec->seals;
	if (rec->seals & F_SEAL_FUTURE_WRITE && !(rec->seals & F_SEAL_WRITE) && !holder_late(h))
		now &= ~(unsigned)(F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
	CLEANUP_FD int own = now ? procfd_open(holder_proc(h), fd, O_RDWR) : FD_NONE;
	if (now && own < 0)
		return error_sys(err, -own, "cannot open a memfd once more");
	int has = now ? fcntl(own, F_GET_SEALS) : 0;
	/* another open file for it may have set them */
	if (has < 0 || (now & ~(unsigned)has && fcntl(own, F_ADD_SEALS, now) < 0))
		return error_sys(err, errno, "cannot seal a memfd");
	return now == rec->seals ? 0 : -EAGAIN;
}

static void describe(const void *record, struct buf *out)
{
	const struct memfd_open *rec = record;
	buf_printf(out, "memfd %llu", (unsigned long long)rec->memfd);
	if (rec->seals)
		buf_printf(out, ", seals %#x", rec->seals);
}

static const struct file_match matches[] = { { FILE_MEMORY, "memfd" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_memfd = {
	.name = "memfd",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct memfd_open),
	.collect = collect,
	.open = reopen,
	.finish = finish,
	.describe = describe,
};
