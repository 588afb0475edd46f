/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - see owner.h. */
#include "checkpoint/kind/owner.h"

#include <errno.h>
#include <unistd.h>

#include "checkpoint/kind/idmap.h"
#include "proc/process.h"

const struct field owner_fields[] = {
	FIELD(struct owner, mode, U32),
	FIELD(struct owner, uid, U32, .optional = true),
	FIELD(struct owner, gid, U32, .optional = true),
	FIELDS_END,
};

static int map_id(const struct collect *c, const char *which, uint32_t ours, uint32_t *ret,
		  struct error *err)
{
	struct idmap map;
	if (proc_ns_inode(0, "user") == proc_ns_inode(c->init, "user")) { /* we see what it sees */
		*ret = ours;
		return 0;
	}
	int r = idmap_read(c->proc, c->init, which, c->arena, &map);
	if (r < 0)
		return error_sys(err, -r, "cannot read the %s of process 1", which);
	if (idmap_inside(&map, ours, ret) < 0)
		*ret = OWNER_UNMAPPED;
	return 0;
}

int owner_collect(const struct collect *c, const struct stat *st, struct owner *ret,
		  struct error *err)
{
	ret->mode = st->st_mode & 07777;
	int r = map_id(c, "uid_map", st->st_uid, &ret->uid, err);
	return r < 0 ? r : map_id(c, "gid_map", st->st_gid, &ret->gid, err);
}

int owner_apply(int fd, const struct owner *owner, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "fstat(2)");
	/* OWNER_UNMAPPED is (uid_t)-1, which chown(2) takes as "as it is" */
	if ((st.st_uid != owner->uid || st.st_gid != owner->gid) &&
	    fchown(fd, owner->uid, owner->gid) < 0)
		return error_sys(err, errno, "cannot give the file to %u:%u", owner->uid,
				 owner->gid);
	if ((st.st_mode & 07777) != (owner->mode & 07777) && fchmod(fd, owner->mode & 07777) < 0)
		return error_sys(err, errno, "cannot set mode %04o", owner->mode & 07777);
	return 0;
}
