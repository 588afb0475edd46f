/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idrange.h - who has which uids and gids outside: ranges for --auto-userns that no other container of the same state
 * root has, and a note of those that were given by hand, which are then not handed out.
 *
 * ids/ID is a symbolic link that holds "NAME u:START:COUNT... g:START:COUNT..."; a flock(2) on the directory is
 * held while it is read and added to. A range is given back when its container is removed; one whose maker died is
 * found, since there is no container of its name.
 */
#pragma once

#include "base/error.h"
#include "engine/root.h"
#include "spec/spec.h"

/* Where root's ranges come from when /etc/subuid names neither "contexe" nor root: 4096 of the usual size. */
#define IDRANGE_START 0x50000000u
#define IDRANGE_COUNT 0x10000000u
#define IDRANGE_SIZE  65536u /* of a container, when nothing is said */

/*
 * Fills in the maps of the spec with free ranges of contexe.auto_userns ids: 0 and up inside for root; for others 0 is their
 * own id and a range of /etc/subuid follows. name NULL (a dry run): nothing is claimed. -ENOSPC, -ENOENT, -EEXIST (maps
 * are there already), or -errno.
 */
int idrange_take(const struct root *root, const char *name, const char *id, struct spec *spec,
		 struct error *err) NODISCARD;

/* Notes the maps that the spec has. */
int idrange_note(const struct root *root, const char *name, const char *id, const struct spec *spec,
		 struct error *err) NODISCARD;

/* Gives back what the container of this id has. */
void idrange_release(const struct root *root, const char *id);
