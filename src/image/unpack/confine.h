/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.h - what a bug in a decompressor, met by a hostile archive, could still reach: nothing but the
 * directory it unpacks into and the archive itself.
 *
 * Three steps, since directories must be opened in the mount namespace they are shown in:
 *     confine_begin()   a session, mount, network, IPC and UTS namespaces of its own; without root inside a
 *                       user namespace of its own
 *     (open what is needed)
 *     confine_view()    "/" holds nothing but /work and, read-only, /in; no devices, set-user-id or execution
 *     confine_end()     capabilities that files need, no new privileges, a list of allowed system calls
 * A step that the machine does not allow is left out: `contained` machines nest, and the walk in tree.h
 * does not rely on any of this.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct confinement {
	bool namespaces; /* confine_begin() got them */
	int parent;	 /* pid of the one that waits for us */
};

void confine_begin(struct confinement *c);

/*
 * *work and *input (may be FD_NONE) are open directories; they are replaced by descriptors of the same
 * directories in the new view. All other directory descriptors must be closed by now. -errno only when
 * the view was begun and cannot be completed.
 */
int confine_view(const struct confinement *c, int *work, int *input, struct error *err) NODISCARD;

/* rootless: the capabilities for owners, devices and trusted attributes go too. 0 or -errno (seccomp is not
 * optional). */
int confine_end(const struct confinement *c, bool rootless, struct error *err) NODISCARD;
