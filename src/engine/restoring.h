/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restoring.h - the engine's side of a restore: an opened image on its way to become a container, as
 * bringup() needs it. Life: restoring_open, (container made, supervisor forked), bringup() calls wire and run, done.
 */
#pragma once

#include "checkpoint/restore/restore.h"
#include "container/build.h"
#include "engine/checkpoint_record.h"
#include "engine/live.h"
#include "spec/spec.h"

struct restoring {
	struct arena arena;
	int fd; /* the image */
	const char *path;
	struct image *img;
	struct container_record record;
	struct restore *restore;
	struct spec spec; /* of the image */
	/* given by the caller, by name; in addition to what the engine has itself */
	struct restore_external *externals;
	size_t n_externals;
	bool watch;    /* we are root of the machine */
	int seed_sock; /* ours, between wire and run */
	int seed_theirs;
	char seed_path[4096];
	struct restore_result result;
};
#define RESTORING_NONE                                                                             \
	((struct restoring){ .fd = FD_NONE, .seed_sock = FD_NONE, .seed_theirs = FD_NONE })

/* Opens, checks everything, plans; nothing is touched. path: a file. */
int restoring_open(const char *path, struct restoring *ret, struct error *err) NODISCARD;
void restoring_done(struct restoring *r);

/* The container's clocks go on where they were: fills in the spec's time offsets. Just before the plan is made. */
void restoring_set_clocks(const struct restoring *r, struct spec *spec);

/* Before the build: the seed's descriptors. */
int restoring_wire(struct restoring *r, struct build_io *io, struct error *err) NODISCARD;
/* After it: live.init is the seed. Fills in live.job. */
int restoring_run(struct restoring *r, const struct build_io *io, int console, struct live *live,
		  struct error *err) NODISCARD;
