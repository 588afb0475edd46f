/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_record.h - what an image says of a unix(7) socket: type "file.unix", and "file.unix.waiting"
 * for the connections that a listening one had not accepted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/image/record.h"

#define UNIX_NAME_MAX 108

enum unix_role {
	UNIX_FREE, /* neither listening nor connected */
	UNIX_LISTENING,
	UNIX_CONNECTED, /* to peer */
	UNIX_WAITING,	/* connected to listener, which has not accepted it */
	UNIX_HUNG_UP,	/* was connected, the other end was closed */
	UNIX_ROLE_N,
};

/* What SO_PEERCRED and SO_PEERGROUPS tell of the other end, as the container sees it. */
struct unix_credentials {
	bool known;
	int64_t pid, uid, gid;
	struct u64s groups;
};

/* The node in the file system that a name was bound to. */
struct unix_node {
	char *path; /* where it is in the container; NULL: the name is abstract, or not one's own */
	char *base; /* a directory: the name was given relative to it, or with it as root */
	bool gone;  /* unlinked, or replaced by another */
	uint32_t mode, uid, gid;
};

struct unix_record {
	uint32_t type; /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	uint32_t role;
	struct bytes name; /* as sun_path has it, abstract ones with their zero byte; empty: none */
	struct bytes peer_name; /* HUNG_UP: of the other end */
	bool accepted;		/* it was made by accept(2): its name is its listener's */
	struct unix_node node;
	uint64_t peer;	   /* id of the other end */
	uint64_t listener; /* id of the socket that listens under this (or the other end's) name */
	struct u64s connected; /* datagrams: ids of those that are connected to this one */
	uint32_t backlog;
	struct u64s waiting; /* LISTENING: ids of clients in order, 0 for one that is closed */
	bool waiting_data;   /* there is a "file.unix.waiting" record */
	uint32_t shutdown;   /* 1: receiving, 2: sending */
	bool reset;	     /* HUNG_UP: with ECONNRESET to be told */
	struct unix_credentials peer_credentials;
	struct list queue; /* struct socket_message */
	struct list options;
};
extern const struct field unix_record_fields[];

/* A connection that was not accepted, with what its client had sent. */
struct unix_waiting {
	uint64_t client; /* 0: closed */
	struct unix_credentials credentials;
	struct list queue;
};
struct unix_waiting_record {
	struct list connections; /* struct unix_waiting */
};
extern const struct field unix_waiting_fields[];

struct buf;
void unix_record_describe(const void *record, struct buf *out);
