/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.h - one layer's blob becomes a directory: read once, verified against its descriptor's digest and
 * against the config's diff id on the way, unpacked by libarchive's tar reader and entry.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "image/unpack/plan.h"
#include "image/unpack/source.h"

struct layer_job {
	const struct source *source;
	const struct plan_layer *layer;
	unsigned number, of; /* 1..of */
	int work;	     /* directory below which it is made */
	bool rootless;
};

/* Makes <work>/<algorithm>/<hex of the diff id>/; it appears there only when it is whole and verified.
 * *ret_bytes: of its regular files. -EBADMSG, -ENOSPC, -EOPNOTSUPP, -EINTR, ... */
int layer_unpack(const struct layer_job *job, uint64_t *ret_bytes, struct error *err) NODISCARD;
