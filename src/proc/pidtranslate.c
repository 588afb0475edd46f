/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidtranslate.c - answers "which id has P in the context of C?" from a snapshot; the table that it
 * follows is in pidspace.h. Three steps: which space does the context look into (view), who is looked at
 * (a pseudo init may stand for the kernel's pid 1), which of its numbers is that.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "proc/pidspace.h"

/* What a context looks through. */
struct view {
	int space;  /* the space whose numbers are the answer */
	int kernel; /* the pid namespace that its system calls take numbers of */
};

/* Who is looked at, once pseudo inits are put in their place. */
struct subject {
	const struct proc_process *process;
	int space;     /* -1: not known */
	bool stand_in; /* a pseudo init whose kernel init is not in the snapshot: it is process 1 */
};

static const size_t ids_offset[] = {
	[PID_KIND_PID] = offsetof(struct proc_process, nspid),
	[PID_KIND_TGID] = offsetof(struct proc_process, nstgid),
	[PID_KIND_PGRP] = offsetof(struct proc_process, nspgid),
	[PID_KIND_SID] = offsetof(struct proc_process, nssid),
};

static const pid_t *ids_of(const struct proc_process *p, enum pid_kind kind)
{
	return (const pid_t *)((const char *)p + ids_offset[kind]);
}

/* (err may be NULL, and error_object() then does not know the code.) */
static int no_process(pid_t pid, const char *why, struct error *err)
{
	int r = error_set(err, ESRCH, "%s", why);
	(void)error_object(err, "pid %d", pid);
	return r;
}

static int view_of_container(const struct pidspaces *s, uint32_t number, struct view *ret,
			     struct error *err)
{
	if (number == 0) {
		*ret = (struct view){ 0, 0 };
		return 0;
	}
	const struct pidspace_container *c;
	for (size_t i = 0; (c = pidspaces_container_at(s, i)); i++) {
		if (c->number != number)
			continue;
		int space = pidspaces_space_of_container(s, i);
		if (space < 0)
			break;
		*ret = (struct view){ space, space };
		return 0;
	}
	int r = error_set(err, c ? ESRCH : ENOENT, "%s",
			  c ? "no process of it is running" : "there is no such container");
	(void)error_object(err, "container %u", number);
	return r;
}

/* A pseudo init looks into the space of its container, if the process is in there; where it has several
 * that hold the process, into the innermost. */
static int view_of_process(const struct pidspaces *s, pid_t context, int subject_space,
			   struct view *ret, struct error *err)
{
	const struct proc_process *p = pidspaces_process(s, context);
	int own = p ? pidspaces_space_of(s, p) : -1;
	if (own < 0)
		return no_process(
			context,
			p ? "its pid namespace may not be read" : "there is no such process", err);
	*ret = (struct view){ own, own };
	const struct pidspace_container *c;
	for (size_t i = 0; (c = pidspaces_container_at(s, i)); i++) {
		int space = pidspaces_space_of_container(s, i);
		if (c->supervisor == context && pidspaces_contains(s, ret->space, space) &&
		    pidspaces_contains(s, space, subject_space))
			ret->space = space;
	}
	return 0;
}

/*
 * Puts the pseudo init of a container that lives in the viewed space in the place of the kernel's pid 1.
 * False when the process is no such one.
 */
static bool stand_inside(const struct pidspaces *s, int view, struct subject *who)
{
	const struct pidspace_container *c;
	for (size_t i = 0; (c = pidspaces_container_at(s, i)); i++) {
		if (c->supervisor != who->process->pid ||
		    pidspaces_space_of_container(s, i) != view)
			continue;
		pid_t pid = c->init ? c->init : pidspaces_at(s, (size_t)view)->init;
		const struct proc_process *init = pidspaces_process(s, pid);
		if (init && pidspaces_space_of(s, init) == view)
			*who = (struct subject){ .process = init, .space = view };
		else
			who->stand_in = true;
		return true;
	}
	return false;
}

static void answer_stand_in(const struct pidspaces *s, const struct view *view, enum pid_kind kind,
			    struct pid_answer *ret)
{
	ret->visible = true;
	ret->vpid = kind == PID_KIND_PID || kind == PID_KIND_TGID;
	if (ret->vpid)
		(void)pidspaces_format(s, view->space, ret->vpid, ret->name);
}

static void answer_visible(const struct pidspaces *s, const struct view *view,
			   const struct subject *who, enum pid_kind kind, struct pid_answer *ret)
{
	const pid_t *ids = ids_of(who->process, kind);
	int level = pidspaces_at(s, (size_t)view->space)->level;
	ret->visible = true;
	ret->vpid = 0;
	if (pidspaces_contains(s, view->kernel, who->space))
		ret->kernel_pid = ids[pidspaces_at(s, (size_t)view->kernel)->level];
	if (ids[level] == 0) /* a group or session whose leader is outside */
		return;
	int home =
		who->process->n_levels - 1; /* the leader may live further out than the process */
	while (ids[home] == 0)
		home--;
	ret->crosses = home > level;
	ret->vpid = ids[home];
	(void)pidspaces_format(s, pidspaces_ancestor(s, who->space, home), ret->vpid, ret->name);
}

int pid_translate(const struct pidspaces *s, const struct pid_question *q, struct pid_answer *ret,
		  struct error *err)
{
	struct subject who = { .process = pidspaces_process(s, q->process) };
	if (!who.process)
		return no_process(q->process, "there is no such process", err);
	who.space = pidspaces_space_of(s, who.process);
	struct view view = { -1, -1 };
	int r = q->context.process ? view_of_process(s, q->context.process, who.space, &view, err)
				   : view_of_container(s, q->context.container, &view, err);
	if (r < 0)
		return r;

	struct pid_answer answer = { .vpid = -1 };
	bool seen =
		pidspaces_contains(s, view.space, who.space) || stand_inside(s, view.space, &who);
	if (who.stand_in)
		answer_stand_in(s, &view, q->kind, &answer);
	else if (seen)
		answer_visible(s, &view, &who, q->kind, &answer);
	*ret = answer;
	return 0;
}
