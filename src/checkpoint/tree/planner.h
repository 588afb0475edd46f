/* SPDX-License-Identifier: Apache-2.0 */
/* planner.h - a tree while it is planned, for the files of this room: tree.c (the order), club.c (sessions and groups). */
#pragma once

#include "checkpoint/tree/birth.h"

/* A task while it is being placed. */
struct place {
	const struct task_record *task;
	struct birth *birth;
	struct place *parent; /* NULL: process 1 */
	struct place *next_sibling, *first_child, *last_child;
	size_t enter, leave; /* those below it have enter in [enter, leave) */
	pid_t early; /* the session that it must be born in though it leads another; 0: any */
	bool mark;
};

/* A session or a group: who leads it, who is in it. */
struct club {
	pid_t id;
	struct place *leader;  /* NULL: dead */
	struct place *outmost; /* the member in the fewest namespaces */
	struct birth *helper;  /* session: whose children are born in it; group: the stand-in */
	size_t first, last;    /* `enter` of members */
	bool steady;	       /* group: someone who is in it does not leave at the end */
};

struct planner {
	struct place *places; /* ascending pid */
	size_t n;
	struct club *sessions, *groups; /* ascending id */
	size_t n_sessions, n_groups;
	uint64_t *used; /* every number in any namespace, ascending */
	size_t n_used;
	pid_t next_helper;
	struct arena *arena;
	struct tree *tree;
	struct error *err;
};

struct place *planner_find(const struct planner *pl, pid_t pid);
/* The error of a record that cannot be. -EBADMSG. */
int planner_bad(struct planner *pl, const struct task_record *t, const char *why);

/* All sessions and groups of the places; -EBADMSG when they contradict each other. */
int clubs_load(struct planner *pl);
struct club *club_session(const struct planner *pl, pid_t sid);
struct club *club_group(const struct planner *pl, pid_t pgrp);
/* The number of a session or group in the k-th namespace of one who has these levels; 0: it is not seen there. */
pid_t club_number(const struct u64s *levels, pid_t id, size_t k);
