/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidspace.h - pid spaces and the translation of ids between them: "which number has process P, seen
 * in the context of C?" Pure logic over a snapshot: all that is looked at was read before.
 *
 * A pid space is a pid namespace (pid_namespaces(7)) with a name: the number of the container it belongs
 * to, 0 for the system container (the pid namespace of whoever took the snapshot), or its inode when it
 * is no container of ours (somebody made it inside one, or beside us). Spaces are a tree. The kernel gives
 * a process a number in its own namespace and in every ancestor of it; a process sees its own space and
 * what descends from it, never its ancestors' others, never a sibling's.
 *
 * The process that contexe adds to what the kernel knows is the *pseudo init* ("B" below): it lives
 * outside, in the space where the container was made, but for those inside it is their process 1, standing
 * where the kernel's own pid 1 (contexe-init) stands. To those inside the two are one. As a context,
 * B sees both sides: the processes of its container by their vpid, all others by the number of its own
 * space. (contexe-init as a context is an ordinary process of the container and sees only the inside.)
 *
 *     A  bash     <0|913>                      B in the context of A:  1087
 *     B  contexe  <0|1087>  pseudo init of 1   B in the context of B:  1087
 *     C  bash     <1|2>                        B in the context of C:  1
 *     D  in a container 2 made inside          contexe-init of 1, in the context of B or C:  1
 *        of 1, whose pseudo init E is <1|9>
 *
 *     question                    visible crosses vpid  name      kernel's number
 *     C in the context of B       yes     no      2     <1|2>     that of C on the host
 *     B in the context of C       yes     no      1     <1|1>     1
 *     B in the context of A       yes     no      1087  <0|1087>  1087
 *     C in the context of A       yes     yes     2     <1|2>     that of C on the host
 *     A in the context of B       yes     no      913   <0|913>   913
 *     A in the context of C       no              -1              0
 *     sibling containers          no              -1              0
 *     C in the context of C       yes     no      2     <1|2>     2
 *     D in the context of C       yes     yes     D's   <2|D's>   that of D in space 1
 *     D in the context of B       yes     yes     D's   <2|D's>   that of D on the host
 *     C in the context of D       no              -1              0
 *     E in the context of D       yes     no      1     <2|1>     1
 *     B in the context of D       no              -1              0
 *     B in the context of E       yes     no      1     <1|1>     1
 *
 * Groups and sessions are asked for in the same way. Their number in a space is 0, as the kernel shows it,
 * when the leader is outside of it; the answer is then visible with vpid 0 and no name. The pseudo
 * init's group and session, seen from inside, are those of the kernel's pid 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "proc/pidname.h"
#include "proc/process.h"

/* A container as the caller knows it. Those with pidns 0 (not running) are left out. */
struct pidspace_container {
	uint32_t number;  /* > 0 */
	const char *name; /* may be NULL */
	uint64_t
		pidns; /* inode of its pid namespace; may be that of another one (shared) or of the host */
	pid_t supervisor; /* pseudo init, pid as in the snapshot; 0: none lives */
	pid_t init; /* the kernel's pid 1 of the container, pid as in the snapshot; 0: not known */
};

/* Which namespace another was made in, as the kernel tells by NS_GET_PARENT. */
struct pidspace_link {
	uint64_t pidns;
	uint64_t parent;
};

struct pidspace {
	uint64_t pidns; /* inode */
	int parent;	/* index of the parent; -1: the root, or not known */
	int level;	/* 0: the reader's own, as the index into the ns* arrays of a process */
	int container;	/* index into the table of containers; -1: none (the root always) */
	pid_t init;	/* the kernel's pid 1 of it, pid as in the snapshot; 0: not seen */
};

struct pidspaces; /* the snapshot */

/*
 * Builds a snapshot. processes must ascend by pid and outlive it; the containers are copied. Parents come
 * from links where given, else from the parent of each namespace's pid 1 (whose level is one less), else
 * from there being only one candidate. A process whose namespace could not be read is put where its parent
 * or its container says. 0, or -EINVAL with err when the processes do not ascend or none is of the
 * reader's own pid namespace. Free with pidspaces_free().
 */
int pidspaces_build(const struct proc_process *processes, size_t n_processes,
		    const struct pidspace_container *containers, size_t n_containers,
		    const struct pidspace_link *links, size_t n_links, struct pidspaces **ret,
		    struct error *err) NODISCARD;

/* The same from the running system: all of /proc, links asked of the kernel. 0 or -errno with err. */
int pidspaces_read(const struct pidspace_container *containers, size_t n_containers,
		   struct pidspaces **ret, struct error *err) NODISCARD;

void pidspaces_free(struct pidspaces *s);
void pidspaces_cleanup(struct pidspaces **s);
#define CLEANUP_PIDSPACES CLEANUP(pidspaces_cleanup)

/* What is in it. Space 0 is the root. Pointers live as long as the snapshot. */
size_t pidspaces_count(const struct pidspaces *s);
const struct pidspace *pidspaces_at(const struct pidspaces *s, size_t i);
const struct proc_process *pidspaces_process(const struct pidspaces *s, pid_t pid); /* NULL: none */
int pidspaces_space_of(const struct pidspaces *s, const struct proc_process *p); /* -1: not known */
const struct pidspace_container *pidspaces_container_at(const struct pidspaces *s,
							size_t i); /* NULL: no more */
int pidspaces_space_of_container(const struct pidspaces *s,
				 size_t i); /* -1: no process of it seen */
/* The ancestor of `space` (or itself) that is on that level; -1: none or not known. */
int pidspaces_ancestor(const struct pidspaces *s, int space, int level);
/* Whether `ancestor` is `space` or above it. */
bool pidspaces_contains(const struct pidspaces *s, int ancestor, int space);

/* The internal name of a process of the snapshot. buf must hold PIDNAME_SIZE bytes. Returns buf. */
const char *pidspaces_name(const struct pidspaces *s, const struct proc_process *p, char *buf);

/* The same from a space (-1: not known) and an id in it. */
const char *pidspaces_format(const struct pidspaces *s, int space, pid_t vpid, char *buf);

/*
 * Finds a process by internal name ("<1|2>", "web|2", "<ns:4026532345|7>") or by plain pid of the
 * snapshot. 0, -EINVAL (no such name can be), -ENOENT (no such space), -ESRCH (no such process in it).
 */
int pidspaces_resolve(const struct pidspaces *s, const char *text, pid_t *ret, struct error *err)
	NODISCARD;

/* --- the question --- */

enum pid_kind { PID_KIND_PID, PID_KIND_TGID, PID_KIND_PGRP, PID_KIND_SID };

/* Who looks: a process, or (process == 0) a container as such, as any process of it would. */
struct pid_context {
	pid_t process;	    /* pid as in the snapshot */
	uint32_t container; /* number; 0: the system container */
};

struct pid_question {
	pid_t process; /* pid as in the snapshot */
	enum pid_kind kind;
	struct pid_context context;
};

struct pid_answer {
	bool visible;
	bool crosses; /* the id is of a space below the context's: vpid alone means nothing there */
	pid_t vpid; /* the id in its own space (or 1 for a pseudo init); 0: none; -1: not visible */
	pid_t kernel_pid; /* what kill(2) and the like take when called in the context; 0: none */
	char name[PIDNAME_SIZE]; /* internal name; "" when not visible or there is no such id */
};

/*
 * Answers by the table above. 0 (not visible is an answer too), -ESRCH when the process or the context is
 * not in the snapshot, -ENOENT when there is no such container.
 */
int pid_translate(const struct pidspaces *s, const struct pid_question *question,
		  struct pid_answer *ret, struct error *err) NODISCARD;
