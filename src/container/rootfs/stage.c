/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.c - id-mapped mounts, cloned and mapped outside, get a place in this mount namespace: the kernel takes
 * only layers that are attached in the namespace of who mounts the overlay. The place is a tmpfs that the overlay
 * comes to cover; it goes with the old root.
 */
#include "container/rootfs/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"

static int stage_one(int stage, const char *kind, size_t i, int mnt, struct error *err)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "%s%zu", kind, i);
	if (mnt < 0)
		return 0;
	if (mkdirat(stage, name, 0700) < 0)
		return error_sys(err, errno, "cannot make a place for a mapped layer");
	CLEANUP_FD int at = openat(stage, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return error_sys(err, errno, "cannot open the place of a mapped layer");
	return destination_attach(mnt, at, err);
}

int stage_layers(const struct rootfs_plan *plan, int at, struct error *err)
{
	const struct rootfs_mapped *m = plan->mapped;
	struct fs_request req = { .type = "tmpfs", .data = "mode=0700" };
	CLEANUP_FD int stage = fs_make(&req, err);
	if (stage < 0)
		return stage;
	int r = destination_attach(stage, at, err);
	if (r == 0)
		r = stage_one(stage, "root", 0, m->root, err);
	if (r == 0)
		r = stage_one(stage, "private", 0, m->private, err);
	for (size_t i = 0; r == 0 && i < plan->n_lower; i++)
		r = stage_one(stage, "lower", i, m->lower[i], err);
	for (size_t i = 0; r == 0 && i < plan->n_submounts; i++)
		r = stage_one(stage, "below", i, m->submounts[i], err);
	if (r < 0)
		error_what(err, "cannot attach the mapped layers");
	return r < 0 ? r : take_fd(&stage);
}
