/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bringup.h - from a container's directory to its processes: groups, sockets, pipes, plan, build.
 */
#pragma once

#include "container/build.h"
#include "container/net/netns.h"
#include "container/plan.h"
#include "engine/container.h"
#include "engine/live.h"
#include "engine/relay.h"

struct bringup_request {
	const struct spec *spec;
	bool wait_start;	     /* the job waits for live.start_fd */
	bool foreground;	     /* "passthrough" hands our own descriptors in */
	bool write_spec;	     /* config.json is still to be written */
	struct restoring *restoring; /* its tasks come from an image; NULL: an ordinary start */
	struct netns *netns;	     /* may be NULL */
	const struct pidref *leader; /* a process outside leads it; NULL: it has a job */
	uint64_t born;		     /* state.born */
};

/* Builds; on failure nothing is left. Fills relay's descriptors. */
int bringup(struct container *c, const struct bringup_request *req, struct relay *relay,
	    struct live *ret, struct error *err) NODISCARD;

/* Kills what is left, removes the groups, closes. Idempotent. */
void bringdown(struct live *live);

/* The plan of a spec for a container directory, as bringup() would make it. */
int bringup_plan(const struct root *root, const char *dir, const struct spec *spec,
		 const struct cgroup *cg, struct plan *ret, struct error *err) NODISCARD;

/* Who the root of a mapped container is outside; -1 where nobody but us owns things. */
int64_t bringup_mapped_root(const struct root *root, const struct spec_idmap *map, size_t n);
