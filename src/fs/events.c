/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - see events.h. What was given is remembered by the time of the last event, and how many had that time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/timestamp.h"
#include "fs/events.h"

struct handle {
	struct handle *next;
	char id[20];	  /* "": of all containers */
	uint64_t last;	  /* ns since 1970 of the last event read from the journal */
	unsigned seen;	  /* how many of that time */
	struct buf ready; /* read from the journal, not given yet */
	struct fuse_pollhandle *ph;
};

struct handle *events_open(struct server *s, fuse_ino_t ino)
{
	struct handle *h = xcalloc(1, sizeof(*h));
	if (SLOT_OF(ino) != SYSTEM_SLOT)
		memcpy(h->id, s->slots[SLOT_OF(ino)].id, sizeof(h->id));
	h->next = s->handles;
	s->handles = h;
	return h;
}

void events_close(struct server *s, struct handle *h)
{
	struct handle **at = &s->handles;
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	if (h->ph)
		fuse_pollhandle_destroy(h->ph);
	buf_done(&h->ready);
	free(h);
}

struct fill {
	struct handle *h;
	unsigned skip; /* of those that have the time h->last */
};

static uint64_t time_of(const char *json)
{
	char stamp[TIMESTAMP_SIZE];
	uint64_t time = 0;
	const char *at = strstr(json, "\"time\":\"");
	(void)snprintf(stamp, sizeof(stamp), "%.30s", at ? at + 8 : "");
	return timestamp_parse(stamp, &time) < 0 ? 0 : time;
}

static int take(void *arg, const char *json)
{
	struct fill *f = arg;
	char want[40];
	uint64_t time = time_of(json);
	if (time == f->h->last && f->skip) {
		f->skip--;
		return 0;
	}
	f->h->seen = time == f->h->last ? f->h->seen + 1 : 1;
	f->h->last = time;
	(void)snprintf(want, sizeof(want), "\"id\":\"%s\"", f->h->id);
	if (!f->h->id[0] || strstr(json, want))
		buf_printf(&f->h->ready, "%s\n", json);
	return 0;
}

/* What the journal has more than was read. */
static void fill(struct server *s, struct handle *h)
{
	struct fill f = { .h = h, .skip = h->seen };
	(void)contexe_events(s->cx, NULL, false, h->last, 0, take, &f, NULL);
}

void events_read(struct server *s, struct handle *h, size_t size, struct buf *out)
{
	if (!h->ready.len)
		fill(s, h);
	size_t n = h->ready.len;
	if (n > size) {
		n = size;
		while (n && h->ready.data[n - 1] != '\n')
			n--;
		if (!n)
			n = size;
	}
	if (!n)
		return;
	buf_add(out, h->ready.data, n);
	struct buf rest = BUF_INIT;
	if (n < h->ready.len)
		buf_add(&rest, h->ready.data + n, h->ready.len - n);
	buf_done(&h->ready);
	h->ready = rest;
}

bool events_poll(struct server *s, struct handle *h, struct fuse_pollhandle *ph)
{
	if (!h->ready.len)
		fill(s, h);
	if (ph) {
		if (h->ph)
			fuse_pollhandle_destroy(h->ph);
		h->ph = ph;
	}
	return h->ready.len > 0;
}

void events_wake(struct server *s)
{
	for (struct handle *h = s->handles; h; h = h->next) {
		if (!h->ph || !events_poll(s, h, NULL))
			continue;
		(void)fuse_lowlevel_notify_poll(h->ph);
		fuse_pollhandle_destroy(h->ph);
		h->ph = NULL;
	}
}
