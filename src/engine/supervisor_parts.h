/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_parts.h - one supervisor, for its three files: the loop and the lives (supervisor.c), the
 * commands that talk to it (supervisor_clients.c), what it writes down (supervisor_record.c).
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "engine/bringup.h"
#include "engine/container.h"
#include "engine/relay.h"
#include "engine/restart.h"

struct supervisor_options;

#define MAX_CLIENTS 64

struct supervisor {
	struct container *c;
	struct spec own_spec;
	struct spec *spec; /* of this life: the caller's for the first, then own_spec, read anew */
	bool remove, interactive; /* what of it is needed later */
	enum { LOG_FILE, LOG_NONE, LOG_PASSTHROUGH } log_mode;
	struct keys keys;
	const struct supervisor_options *opt;
	struct relay relay;
	struct live live;
	struct restart restart;
	struct terminal terminal;
	int signals; /* signalfd */
	sigset_t old_mask;
	int clients[MAX_CLIENTS];  /* connections that have not attached */
	bool waiting[MAX_CLIENTS]; /* for CTL_EXIT */
	size_t n_clients;
	bool regroup;	   /* `update` made groups that we do not hold */
	bool stopping;	   /* somebody asked for the end: no restart */
	bool stopped;	   /* and it was a user: see state.h */
	bool checkpointed; /* it is written down and will be killed */
	bool started;	   /* the job executes, or did */
	bool told_reader_gone;
	char failure[256]; /* why the program could not be executed */
	bool reported;
	bool ended;
	uint64_t log_max;
	struct opt_i64 status; /* as contexe-init told it */
};

/* ---- record ---- */
void record_event(struct supervisor *sv, const char *type, const char *extra);
/* The processes and groups of this life, with the status "created" or "running". */
int record_started(struct supervisor *sv, const char *status, struct error *err) NODISCARD;
/* A container that was taken over: only its supervisor is another. */
int record_adopted(struct supervisor *sv, struct error *err) NODISCARD;
void record_end(struct supervisor *sv, int64_t wait_status, const char *reason);
/* It was written down as running, but its program could not be executed. */
void record_failed(struct supervisor *sv, const struct error *err);

/* ---- leader ---- */
/*
 * Until whoever asked for the container has brought its leader in: SYNC_GO; then it is unlocked. before: the groups it was in
 * when nobody could have moved it yet; it goes back there on failure. Taken.
 */
int leader_wait(struct supervisor *sv, struct cgroup_place *before, struct error *err) NODISCARD;
/* It never came, and all else is taken down: nobody was in it. */
void leader_missing(struct supervisor *sv);
/* The container could not be made; nor is there anybody any more who would remove what there is of it. */
void leader_orphaned(struct supervisor *sv);
/* The wait status of a leader that has ended, no child of ours; 0 where the kernel does not tell. */
int leader_status(const struct pidref *leader);

/* ---- clients ---- */
void clients_handle(struct supervisor *sv, const struct pollset *ps);
void clients_add(const struct supervisor *sv, struct pollset *ps);
/* Tells the wait status to those who attached or wait, and closes all. */
void clients_end(struct supervisor *sv, int64_t wait_status);
void clients_done(struct supervisor *sv);
