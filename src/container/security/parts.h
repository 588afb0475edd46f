/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - the pieces that security_prepare() and security_apply_*() are made of, one file each.
 * Private to this room. All return 0 or -errno with *err filled; the apply half allocates nothing.
 */
#pragma once

#include "container/security/security.h"

/* cap_sets.c: spec's lists of names <-> masks, and what the caller can give away. */
int caps_prepare(const struct spec *spec, struct security *ret, struct error *err) NODISCARD;
/* One list as a mask; `pointer` is its JSON pointer. Every name must be known to this build. */
int caps_mask(const struct strings *list, const char *pointer, uint64_t *ret, struct error *err)
	NODISCARD;

/* cap_apply.c: in the order of capabilities(7); see apply.c for who calls which when. */
int caps_keep(struct error *err) NODISCARD;
int caps_drop_bounding(const struct security *sec, struct error *err) NODISCARD;
int caps_set(const struct security *sec, uint64_t extra, struct error *err) NODISCARD;
int caps_raise_ambient(const struct security *sec, struct error *err) NODISCARD;

/* rlimit.c; applied by security_apply_rlimits(). */
int rlimit_prepare(const struct spec *spec, struct arena *arena, struct security *ret,
		   struct error *err) NODISCARD;

/* schedule.c: CPU scheduler and I/O priority. */
int schedule_prepare(const struct spec *spec, struct security *ret, struct error *err) NODISCARD;
int schedule_apply(const struct security *sec, struct error *err) NODISCARD;

/* personality.c */
int personality_prepare(const struct spec *spec, struct security *ret, struct error *err) NODISCARD;
int personality_apply(const struct security *sec, struct error *err) NODISCARD;

/* lsm.c: AppArmor and SELinux labels. */
int lsm_prepare(const struct spec *spec, struct arena *arena, struct security *ret,
		struct error *err) NODISCARD;
int lsm_apply(const struct security *sec, struct error *err) NODISCARD;

/*
 * procfile.c: writes text with one write(2) to a file of procfs itself ("thread-self/attr/exec"),
 * refusing anything mounted over it. 0 or -errno; -EXDEV: /proc is not procfs or is covered there.
 */
int procfile_write(const char *name, const char *text) NODISCARD;
/* Whether such a file's first line is this; false also when it cannot be read. */
bool procfile_says(const char *name, const char *text);

/*
 * apply_error.c: error_sys() for the child between fork and exec: without strerror(3), which may
 * translate messages, take locks and allocate. Returns -errnum.
 */
int apply_error(struct error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
