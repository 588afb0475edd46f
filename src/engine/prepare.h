/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare.h - from what was asked for (struct contexe_spec) to a complete spec: image, namespaces, mounts,
 * capabilities, filter, environment. After this the spec says everything and is written down.
 */
#pragma once

#include "base/error.h"
#include "engine/container.h"
#include "engine/handle.h"

/* c: the container it is for (its directory gets the small files that are mounted in); NULL: for a dry run. */
int prepare_spec(const struct root *root, struct contexe_spec *s, struct container *c,
		 struct error *err) NODISCARD;

/* Whether the container will have a network namespace of its own that can be made before all else (netns.h). */
bool prepare_wants_netns(const struct root *root, const struct contexe_spec *s) NODISCARD;

/* What an image says, applied where the user said nothing. */
int prepare_image(const struct root *root, struct contexe_spec *s, struct container *c,
		  struct error *err) NODISCARD;

/* The ids outside, which the container has for itself: --auto-userns, --uid-map (prepare_ids.c). */
int prepare_ids(const struct root *root, struct spec *s, const struct container *c,
		struct error *err) NODISCARD;

/* Decides whether the root's files are stored with the ids of the container (contexe.idmap). lowest: its lowest layer. */
void prepare_idmap(const struct root *root, struct spec *s, const char *lowest);

/* What the container's volumes get by themselves. Before the default mounts are added. */
void prepare_volumes(const struct root *root, struct spec *s);

/* Sets a variable, replacing an earlier one of that name. */
void prepare_env(struct spec *s, const char *assignment);

/*
 * Fills in the namespaces that belong to other containers (contexe.join), as they are now. Done at each start, since
 * the other container may have been started again meanwhile.
 */
int prepare_joins(const struct root *root, struct spec *s, struct error *err) NODISCARD;
