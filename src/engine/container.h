/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h - one container as the engine sees it: its directory, its lock, its state as it truly is.
 *
 * containers/NAME/ holds
 *     config.json   the spec (OCI config.json with our object "contexe")
 *     state.json    see state.h
 *     status        the job's wait status, written by contexe-init when nobody else can
 *     ctl           the control socket, served by the supervisor (see control.h)
 *     log, log.1    what the job wrote
 *     upper/ work/  the private layer of the root
 *     hosts, hostname  files bound into it
 *
 * Who may change it: the holder of the lock, a flock(2) on the directory, which the kernel releases when
 * its holder dies. The supervisor of a running container writes state.json without it: nobody else may
 * write while a supervisor lives.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include <contexe.h>
#include "engine/root.h"
#include "engine/state.h"
#include "spec/spec.h"
#include "sys/pidref.h"

struct cgroup;

struct container {
	const struct root *root;
	char *name;
	unsigned number;
	char id[20]; /* of a new one; afterwards see state */
	int dir;     /* its directory, also what is locked */
	bool locked;
	bool has_state;
	struct state state;
	enum contexe_state now;		     /* state as it is: kernel and disk compared */
	struct pidref init, job, supervisor; /* job: init itself with --init none */
	bool supervised;
};

#define CLEANUP_CONTAINER CLEANUP(container_close)

/*
 * Finds by name, number or "cont_N". *ret is the caller's: container_close(). -ENOENT with a hint.
 */
int container_open(const struct root *root, const char *ref, struct container **ret,
		   struct error *err) NODISCARD;
void container_close(struct container **c);

/* Takes the lock, waiting up to timeout_ms (-ETIMEDOUT: somebody else works on it), and reads the state anew. */
int container_lock(struct container *c, int timeout_ms, struct error *err) NODISCARD;
void container_unlock(struct container *c);

/* Reads state.json and looks at the processes and the freezer: fills state, now, init, supervisor. */
void container_refresh(struct container *c);

/* Reads config.json. The spec is the caller's. */
int container_spec(const struct container *c, struct spec *ret, struct error *err) NODISCARD;
int container_write_spec(const struct container *c, const struct spec *spec, struct error *err)
	NODISCARD;

/* Opens its control groups; -ENOENT when there are none (any more). */
int container_cgroup(const struct container *c, struct cgroup **ret, struct error *err) NODISCARD;

/*
 * Claims name (NULL: cont_N) and number (0: the next free) and makes the directory, locked. -EEXIST.
 */
int container_make(const struct root *root, const char *name, unsigned number,
		   struct container **ret, struct error *err) NODISCARD;

/* The name that its control groups are made from. Returns buf. */
const char *container_group_id(const struct container *c, char *buf, size_t size);

/* Removes the directory and gives name and number back. The caller holds the lock. */
int container_delete(struct container *c, struct error *err) NODISCARD;

/* Calls fn for each container, in no order; the container is closed after fn returns. */
int container_each(const struct root *root, int (*fn)(void *arg, struct container *c), void *arg);

/* The job's wait status that contexe-init left in `status`. 0 or -ENOENT. */
int container_read_status(const struct container *c, int *ret_wait_status) NODISCARD;
