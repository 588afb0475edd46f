/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdinfo.h - the text of /proc/PID/fdinfo/N: lines of "name: value", and lines of several such pairs. Pure: proc_pid_fdinfo(5).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

/* The line that starts with `name` ("tfd:"), from `text` on; its end is *ret_end. NULL: none. Go on from *ret_end. */
const char *fdinfo_line(const char *text, const char *name, const char **ret_end);

/*
 * A number within one line (or the whole text when end is NULL) after `name` ("ino:"): white space is skipped, base
 * as in strtoull(3). 0 or -ENOENT.
 */
int fdinfo_number(const char *text, const char *end, const char *name, int base, uint64_t *ret)
	NODISCARD;

/* Reads it anew, of our own descriptor. proc: our /proc. 0 or -errno. */
int fdinfo_read(int proc, int fd, struct buf *b) NODISCARD;
