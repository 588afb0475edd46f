/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.c - see idmap.h. */
#include "checkpoint/kind/idmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

int idmap_parse(const char *text, struct arena *arena, struct idmap *ret)
{
	struct idmap m = { 0 };
	for (const char *line = text; line && *line;) {
		struct idmap_range r;
		if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &r.inside, &r.outside,
			   &r.count) != 3)
			return -EINVAL;
		*arena_push(arena, m.v, m.n) = r;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	*ret = m;
	return 0;
}

int idmap_read(int proc, pid_t pid, const char *which, struct arena *arena, struct idmap *ret)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, which);
	CLEANUP_BUF struct buf text = BUF_INIT;
	*ret = (struct idmap){ 0 };
	int r = file_read(proc, path, 1 << 20, &text);
	if (r == -ENOENT) { /* a kernel without user namespaces: everybody's ids are the same */
		*arena_push(arena, ret->v, ret->n) = (struct idmap_range){ 0, 0, UINT32_MAX };
		return 0;
	}
	return r < 0 ? r : idmap_parse(buf_str(&text), arena, ret);
}

bool idmap_has(const struct idmap *m, uint32_t inside)
{
	for (size_t i = 0; i < m->n; i++)
		if (inside >= m->v[i].inside && inside - m->v[i].inside < m->v[i].count)
			return true;
	return false;
}

int idmap_inside(const struct idmap *m, uint32_t outside, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++)
		if (outside >= m->v[i].outside && outside - m->v[i].outside < m->v[i].count) {
			*ret = m->v[i].inside + (outside - m->v[i].outside);
			return 0;
		}
	return -ERANGE;
}
