/* SPDX-License-Identifier: Apache-2.0 */
/*
 * within.h - a piece of the engine's work done as root of a container's user namespace.
 *
 * An ordinary user owns the user namespaces that he makes, and may trace whoever is in them. But processes and files of
 * its other ids belong to strangers as far as he is concerned: /proc/PID/fd and a file of mode 0600 open only for
 * the root of that namespace.
 */
#pragma once

#include "base/error.h"

/*
 * Calls fn(arg, err) in a process of its own that shares our memory and descriptors and is root of the user namespace of
 * the process `pidfd`; we stand still meanwhile. What fn returns; -errno when it could not be called; -EINTR when
 * the process was killed. fn must not keep what belongs to a process: children, traced threads, locks of fcntl(2).
 */
int within_userns(int pidfd, int (*fn)(void *arg, struct error *err), void *arg, struct error *err)
	NODISCARD;
