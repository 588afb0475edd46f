/* SPDX-License-Identifier: Apache-2.0 */
/* handle.h - the public handles of contexe.h as they are inside. */
#pragma once

#include "base/error.h"
#include <contexe.h>
#include "engine/root.h"
#include "spec/spec.h"

struct contexe {
	struct root *root;
	int control; /* contexe_serve_control(); 0: not */
};

struct contexe_spec {
	struct spec spec;
	char *name;	 /* NULL: cont_N */
	unsigned number; /* 0: the next free one */
	char *image;
	struct strings command;
	/* remembered until everything is known (see prepare.c) */
	bool tty_given; /* -t or -i was said, or unsaid */
	bool host, no_seccomp, no_masks;
	uint64_t shm_size; /* 0: the default */
	char *seccomp_file, *entrypoint, *workdir, *user;
	struct strings env, share, caps_add, caps_drop, unmask;
	struct strings given; /* options and their values, in turn: see options_blame() */
};

/* The public error and the inner one are the same bytes. */
static inline struct error *api_error(struct contexe_error *err)
{
	_Static_assert(sizeof(struct contexe_error) == sizeof(struct error), "one layout");
	return (struct error *)err;
}
