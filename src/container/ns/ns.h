/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns.h - the eight namespaces: one table, joining, id maps, time offsets. namespaces(7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

struct ns_kind {
	const char *type;  /* OCI name: "network" */
	const char *alias; /* short name users type: "net" */
	const char *file;  /* /proc/PID/ns/<file> */
	uint64_t flag;	   /* CLONE_NEW* */
};

/* In the order in which setns(2) must be called one by one: user first, mount last. */
#define NS_KINDS 8
extern const struct ns_kind ns_kinds[NS_KINDS];

/* By OCI name, alias or file name; NULL when there is none. */
const struct ns_kind *ns_find(const char *name);

/* Whether a namespace file is of the namespace that the caller is in. */
bool ns_is_ours(const char *path, const struct ns_kind *kind);

/* Opens /proc/PID/ns/<file>. Descriptor or -errno. */
int ns_open(pid_t pid, const struct ns_kind *kind) NODISCARD;

/*
 * Writes /proc/PID/{setgroups,uid_map,gid_map} of a process in a new user namespace. With privilege
 * directly; without: through newuidmap(1)/newgidmap(1) when more than one's own id is mapped and they are
 * installed, else a single-id map. user_namespaces(7).
 */
int ns_write_idmaps(pid_t pid, const struct spec_linux *l, struct error *err) NODISCARD;

/*
 * A user namespace with these maps and nobody in it: what id-mapped mounts are made with. Descriptor (the
 * caller's) or -errno. Needs what ns_write_idmaps() needs.
 */
int ns_make_userns(const struct spec_linux *maps, struct error *err) NODISCARD;

/*
 * The maps of the user namespace that a file stands for, as the caller's own namespace sees them, into l (which
 * has none yet). Without power over it: -EPERM. -EINVAL: it is the caller's own, or not mapped yet.
 */
int ns_read_idmaps(const char *path, struct arena *arena, struct spec_linux *l, struct error *err)
	NODISCARD;

/*
 * Makes a new time namespace with these offsets for the children of the caller, who stays in its own.
 * *ret_old gets a descriptor to go back with ns_time_restore(). time_namespaces(7): offsets can only
 * be set before the first child.
 */
int ns_time_prepare(const struct spec_linux *l, int *ret_old, struct error *err) NODISCARD;
void ns_time_restore(int *old_fd);

/* Whether setgroups(2) is denied inside: without root, when only one's own gid is mapped. */
bool ns_setgroups_denied(const struct spec_linux *l);

/* Ranges of /etc/subuid or /etc/subgid for a user: the first one. 0 or -ENOENT. */
int ns_subid_range(const char *file, uid_t uid, uint32_t *ret_start, uint32_t *ret_count) NODISCARD;
/* The same for a name that need not be a user's. */
int ns_subid_named(const char *file, const char *name, uint32_t *ret_start, uint32_t *ret_count)
	NODISCARD;

/* Whether newuidmap and newgidmap are there to use. */
bool ns_have_newidmap(void);
