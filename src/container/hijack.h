/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hijack.h - a child with all resources of another process, the source, but for memory and descriptors, which are the
 * caller's own as after fork(2).
 *
 *   caller                  helper                                 child
 *   clone3 ---------------> reads the source, enters its control
 *   (waits)                 groups and namespaces, becomes like it
 *                           clone(CLONE_PARENT) ---------------->  returns 0
 *   the child's pid  <----- ends
 *
 * The helper is a copy of the caller. It does all that is to be done before the child exists: where the source is in another
 * pid namespace, nobody in there can name the helper, and the child is what the source is from its first
 * instruction on; it makes no call of ours that the source's filters could forbid. The helper cannot be
 * dumped, so that it takes CAP_SYS_PTRACE in the caller's user namespace to look into it.
 * CLONE_PARENT makes the child the caller's own, to be waited for.
 *
 * With CLONE_NEWPID, and the source in another pid namespace, the helper is followed by a second one inside of that, since a
 * new one can only be made from within its parent: that one can be seen, half way.
 *
 * The helper is in the source's control groups when it forks: where they limit processes, there must be room for two.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "container/hijack_request.h"

/*
 * 0 in the child; its pid in the caller, who must have one thread; or -errno, and no child is left:
 *   EINVAL   which, or a flag, or an exit signal is none; a descriptor is no pidfd, or no file of a control group
 *   EBADF    no such descriptor
 *   ESRCH    the source is gone, or a zombie; the group has no process; it is not to be seen from here
 *   EPERM    the source may not be entered, or is one of the kernel's threads; one of its resources may not be taken
 *            over (it is more than ours, and we lack the privilege; a filter that cannot be read)
 *   EBUSY    another process traces the source, or its control group is frozen
 *   EAGAIN   a limit on processes is reached; the source has entered another user namespace meanwhile
 *   ENOTSUP  it runs 32-bit code, and there is something that only it can tell
 *   ENODEV, ENOENT  its control group was removed, or is not to be seen from here
 *   ETIMEDOUT it does not stop for the moment in which its filters are read
 *   and what clone(2) and setns(2) say.
 * With argv, err->exit_code is 126 or 127 when the program could not be executed or found.
 */
pid_t hijack(const struct hijack *h, struct error *err) NODISCARD;
