/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next_ids.h - kernel.shm_next_id, sem_next_id and msg_next_id: the id that the next object of SysV IPC gets. The kernel
 * forgets one once it is used, so what --sysctl asked for must not be asked for again when a container goes on.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

/* What they are now in the IPC namespace of a process, which is the container's own, into the spec's sysctls. */
int next_ids_read(pid_t pid, struct spec *spec, struct error *err) NODISCARD;

/* Those of one spec, or their absence, to another. */
void next_ids_copy(const struct spec *from, struct spec *to);
