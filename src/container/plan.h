/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what will be done to make a container: plain data, made from a spec, printed by --dry-run,
 * tested without root, carried out by build.h. Create and restore both build from such a plan.
 */
#pragma once

#include "container/plan_data.h"

#define CLEANUP_PLAN CLEANUP(plan_done)
void plan_done(struct plan *p);

/* Makes the plan. Reads some facts (mount table for --host, seccomp cache) but changes nothing.
 * -EINVAL with the JSON pointer or option that is wrong, or -errno. */
int plan_make(const struct spec *spec, const struct plan_context *ctx, struct plan *ret,
	      struct error *err) NODISCARD;

/* The plan as text for people: one step a line, in the order of building. */
void plan_print(const struct plan *p, struct buf *out);
