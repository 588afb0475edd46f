/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_file.h - "filter" in a container's directory: the seccomp filter that its job was started with.
 *
 * Why it is written down. Only root of the machine may ask the kernel for a task's filters. But filters are only ever added
 * and inherited: a task of ours with as many as its job began with has the job's. So an ordinary user can
 * checkpoint what he started, if he knows the very program that was installed; compiling it again could give another
 * one, after an upgrade.
 *
 * Whoever brings a process into the container that has other filters than the job removes the file
 * (filter_file_doubt): its children could be taken for the job's.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/image/record.h"
#include "checkpoint/kind/collect.h"
#include "container/security/security.h"

#define FILTER_FILE "filter"

/* At a start. dirfd: the container's directory. */
int filter_file_write(int dirfd, const struct security *s, struct error *err) NODISCARD;
/* At a restore: content is that of the file when it was written down; NULL: there was none, and there will be none. */
int filter_file_restore(int dirfd, const struct bytes *content, struct error *err) NODISCARD;
/* -ENOENT: nobody knows. -EBADMSG, -errno. */
int filter_file_read(int dirfd, struct arena *arena, struct known_filter *ret) NODISCARD;
/* Before a process with these filters enters: when they are not the job's, the file goes. */
void filter_file_doubt(int dirfd, const struct security *entering);
