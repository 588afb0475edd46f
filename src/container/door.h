/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door.h - into the namespaces of a process that lives: the one way there, for exec (enter.h) and for hijack (hijack.h).
 *
 * By pidfd, so that no other process can be met under its number, and all namespaces are those of one moment. Who goes
 * through stays inside: it is a process that has nothing else to do. setns(2), Linux 5.8.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "sys/pidref.h"

/* Those in which pid is and we are not: CLONE_NEW*. To enter one's own is refused for user namespaces, and for others
 * without privilege over them. */
uint64_t door_differing(pid_t pid);

/*
 * Enters these. A namespace belongs to the user namespace outside or to the one that is entered: what the power over the
 * first does not open is tried with the power over the second. The pid namespace is for the next child, as ever.
 */
int door_enter(const struct pidref *target, uint64_t flags, struct error *err) NODISCARD;

/* All but the user namespace, ours or not: who has power over them all need not look which. */
bool door_enter_all_but_user(const struct pidref *target);
