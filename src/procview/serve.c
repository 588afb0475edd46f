/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - see serve.h. */
#include "procview/serve.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define SAMPLE_MS 5000
#define IDLE_MS	  30000
#define MOMENT_NS 10000000u

/* ---- the texts of open files ---- */

static struct viewfs_slot *slot_find(struct server *s, uint64_t handle)
{
	for (size_t i = 0; handle && i < VIEWFS_SLOTS; i++) {
		struct viewfs_slot *slot = &s->shared->slots[i];
		if (slot->handle == handle && slot->size <= sizeof(slot->text))
			return slot;
	}
	return NULL;
}

static struct viewfs_slot *slot_oldest(struct server *s)
{
	struct viewfs_slot *oldest = &s->shared->slots[0];
	for (size_t i = 0; i < VIEWFS_SLOTS; i++) {
		struct viewfs_slot *slot = &s->shared->slots[i];
		if (!slot->handle)
			return slot;
		if (slot->used < oldest->used)
			oldest = slot;
	}
	return oldest;
}

/* A server that is killed in the middle leaves a free slot. */
static void slot_put(struct server *s, uint64_t handle, const struct buf *text)
{
	struct viewfs_slot *slot = slot_find(s, handle);
	if (text->len > sizeof(slot->text)) {
		s->big_handle = handle;
		buf_reset(&s->big);
		buf_add(&s->big, buf_str(text), text->len);
		return;
	}
	slot = slot ? slot : slot_oldest(s);
	__atomic_store_n(&slot->handle, 0, __ATOMIC_SEQ_CST);
	memcpy(slot->text, buf_str(text), text->len);
	slot->size = (uint32_t)text->len;
	slot->used = ++s->shared->clock;
	slot->made = gather_now();
	__atomic_store_n(&slot->handle, handle, __ATOMIC_SEQ_CST);
}

static void slot_release(struct server *s, uint64_t handle)
{
	struct viewfs_slot *slot = slot_find(s, handle);
	if (slot)
		slot->handle = 0;
	if (s->big_handle == handle)
		s->big_handle = 0;
}

/* ---- content ---- */

/*
 * A moment ago is now: its size was asked for, it was opened, and is read. The kernel asks for the size once in a tick (10 ms
 * at most), so it must not change in between.
 */
static bool text_of_now(struct server *s, const struct fuse_in_header *req, struct buf *out)
{
	const struct viewfs_slot *slot = slot_find(s, req->nodeid);
	uint64_t now = gather_now();
	if (req->opcode != FUSE_READ || !slot || slot->made > now || now - slot->made > MOMENT_NS)
		return false;
	buf_add(out, slot->text, slot->size);
	return true;
}

static int make_text(struct server *s, const struct fuse_in_header *req, struct buf *out)
{
	if (text_of_now(s, req, out))
		return 0;
	struct gathered f CLEANUP_GATHERED = { 0 };
	const struct view *v = view_find(req->nodeid);
	const char *path = viewfs_find(req->nodeid)->path;
	int r = gather(&s->gatherer, path, v->needs, (pid_t)req->pid, &f);
	if (r == 0 && v->fn(&f.facts, out) != 0)
		buf_add(out, f.facts.kernel, f.kernel.len);
	return r;
}

static void send_part(struct server *s, const struct fuse_in_header *req, const char *text,
		      size_t size, const struct fuse_read_in *in)
{
	struct fuse_out_header head = { .unique = req->unique };
	size_t from = in->offset < size ? (size_t)in->offset : size;
	size_t n = size - from < in->size ? size - from : in->size;
	struct iovec parts[2] = { { &head, sizeof(head) }, { (void *)(text + from), n } };
	head.len = (uint32_t)(sizeof(head) + n);
	/* ENOENT: it was answered already, or its reader is gone */
	if (writev(s->fuse, parts, 2) < 0 && errno != ENOENT)
		return;
}

static void fail(struct server *s, const struct fuse_in_header *req, int error)
{
	union viewfs_answer a;
	(void)viewfs_fail(req, &a, error);
	if (write(s->fuse, &a, a.header.len) < 0)
		return;
}

static void read_content(struct server *s, const struct fuse_in_header *req)
{
	const struct fuse_read_in *in = (const void *)(req + 1);
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (in->offset > 0) { /* the rest of what was read at the beginning */
		struct viewfs_slot *slot = slot_find(s, in->fh);
		if (slot) {
			slot->used = ++s->shared->clock;
			send_part(s, req, slot->text, slot->size, in);
			return;
		}
		if (s->big_handle && s->big_handle == in->fh) {
			send_part(s, req, buf_str(&s->big), s->big.len, in);
			return;
		}
	}
	int r = make_text(s, req, &text);
	if (r < 0) {
		fail(s, req, -r);
		return;
	}
	slot_put(s, req->nodeid, &text);
	slot_put(s, in->fh, &text);
	send_part(s, req, buf_str(&text), text.len, in);
}

/* ---- requests ---- */

static void answer(struct server *s, const struct fuse_in_header *req)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	union viewfs_answer a;
	if (s->shared->next_handle < VIEWFS_LAST)
		s->shared->next_handle = VIEWFS_LAST;
	if (req->opcode == FUSE_OPEN)
		s->shared->next_handle++;
	if (req->opcode == FUSE_RELEASE)
		slot_release(s, ((const struct fuse_release_in *)(const void *)(req + 1))->fh);
	switch (viewfs_answer_file(req, &a, s->shared->next_handle)) {
	case VIEWFS_SILENT:
		return;
	case VIEWFS_CONTENT:
		read_content(s, req);
		return;
	case VIEWFS_SIZE:
		if (make_text(s, req, &text) == 0)
			slot_put(s, req->nodeid, &text);
		a.body.attr.attr.size = text.len;
		__attribute__((fallthrough));
	case VIEWFS_SEND:
		if (write(s->fuse, &a, a.header.len) < 0 && errno != ENOENT)
			return;
	}
}

/* What is in the shared memory, and no longer once it is answered. */
static void answer_pending(struct server *s)
{
	struct fuse_in_header *req = &s->shared->request.header;
	if (req->len < sizeof(*req) || req->len > VIEWFS_BUFFER) {
		req->len = 0;
		return;
	}
	/* whoever died over it each time is not to die for ever */
	if (__atomic_add_fetch(&s->shared->tries, 1, __ATOMIC_SEQ_CST) > VIEWFS_TRIES * 16)
		fail(s, req, EIO);
	else
		answer(s, req);
	__atomic_store_n(&req->len, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->shared->tries, 0, __ATOMIC_SEQ_CST);
}

/* False: the file system is gone. */
static bool take_requests(struct server *s)
{
	for (;;) {
		ssize_t n = read(s->fuse, &s->shared->request, sizeof(s->shared->request));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOENT))
			return true;
		if (n <= 0)
			return false;
		answer_pending(s);
	}
}

static void sample(struct server *s)
{
	struct task_count c;
	uint64_t user, system, now = gather_now();
	gather_usage(&s->gatherer, &user, &system);
	gather_tasks(&s->gatherer, 0, &c);
	load_sample(s->gatherer.load, now, c.running + c.blocked, user + system);
}

int serve(struct server *s)
{
	uint64_t last = gather_now(), sampled = last;
	answer_pending(s);
	for (;;) {
		struct pollfd p[2] = { { .fd = s->fuse, .events = POLLIN },
				       { .fd = s->leash, .events = POLLIN } };
		int n = poll(p, 2, SAMPLE_MS);
		uint64_t now = gather_now();
		if (n < 0 && errno != EINTR)
			return 1;
		if (p[0].revents & POLLIN) {
			last = now;
			if (!take_requests(s))
				return 0;
		}
		if (p[0].revents & ~POLLIN || p[1].revents)
			return 0;
		if (now - sampled >= SAMPLE_MS * 1000000ull) {
			sampled = now;
			sample(s);
		}
		if (now - last >= IDLE_MS * 1000000ull)
			return 0;
	}
}
