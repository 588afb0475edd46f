/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - a list of control files to write, as data: limits.c makes it from the specification,
 * settings_apply() is the one doorway through which it reaches the kernel.
 *
 * Order does not matter: the kernel refuses some orders (a v1 memory limit above memory+swap, a quota
 * against the old period), so what was refused is tried again after the others, until nothing moves.
 */
#pragma once

#include "base/arena.h"
#include "container/cgroup/group.h"

struct setting {
	const char *limit; /* name in the specification, "memory.limit" */
	const char *given; /* what the user wrote */
	const char *hint;  /* what values are good; may be NULL */
	bool hint_absent;  /* the hint is right too when the kernel has not the file */
	enum controller ctl;
	bool v2;
	bool optional;	      /* a kernel without the file is no error */
	const char *file;     /* control file */
	const char *value;    /* text to write */
	const char *alt_file; /* where the kernel has not `file`; may be NULL */
	const char *alt_value;
	const char *key;   /* the value is one line of many: its first word; NULL: the whole file */
	const char *reset; /* with key: what takes the line away again; NULL: cannot */
	bool bare;	   /* with key: written without it (memory.oom_control) */

	const char *old; /* set by settings_apply() */
	bool written;
};

struct settings {
	struct arena arena; /* all strings that are not constants */
	struct setting *v;
	size_t n;
};

#define CLEANUP_SETTINGS CLEANUP(settings_done)
void settings_done(struct settings *s);

/* Appends a zeroed one. */
struct setting *settings_add(struct settings *s);

/* CTL_BITs of the controllers that the settings of v1 or v2 need. */
unsigned settings_controllers(const struct settings *s, bool v2);

/*
 * Writes all. With `remember` the old values are read first and, when one is refused, put back.
 * 0 or -errno with limit, file, value and the kernel's answer in err.
 */
int settings_apply(struct settings *s, const struct cgroup *cg, bool remember, struct error *err)
	NODISCARD;

/* Puts back what settings_apply() with `remember` has changed. */
void settings_undo(struct settings *s, const struct cgroup *cg);
