/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.c - one program in every thread, which asks on behalf of all kinds what cannot be seen from outside. Its memory is mapped into
 * the process for the visit and gone afterwards.
 */
#include <errno.h>
#include <sys/syscall.h>

#include "checkpoint/dump/dump_state.h"

#define VISIT_THREAD_BYTES (48u << 10)
#define VISIT_TIMEOUT_MS   10000

static int write_program(struct dumped_task *t, struct dumped_thread *th, struct arena *arena)
{
	program_init(&th->visit, &t->visit_map);
	th->has_visit = true;
	if (th->facts.leader) {
		program_what(&th->visit, "asking for the break");
		(void)program_call(&th->visit, SYS_brk, 0);
		t->brk_answer = program_result(&th->visit);
	}
	int r = 0;
	for (size_t k = 0; task_kinds[k] && r == 0; k++) {
		const struct task_kind *kind = task_kinds[k];
		if (kind->scope == SCOPE_PROCESS && !th->facts.leader)
			continue;
		th->cookies[k] = kind->cookie ? arena_alloc(arena, kind->cookie) : NULL;
		program_what(&th->visit, kind->name);
		if (kind->ask)
			r = kind->ask(&th->facts, &th->visit, th->cookies[k]);
	}
	program_close(&th->visit);
	return r;
}

static int visit_task(struct dump_state *d, struct dumped_task *t, struct error *err)
{
	size_t size = (64u << 10) + t->n_threads * VISIT_THREAD_BYTES;
	struct tracee *leader = t->threads[0].tracee;
	int r = arena_map_new_private(size, &t->visit_map, err);
	if (r == 0)
		r = tracee_map(leader, t->visit_map.size, &t->visit_base, err);
	if (r < 0)
		return r;
	arena_map_place(&t->visit_map, t->visit_base);
	for (size_t i = 0; i < t->n_threads && r == 0; i++)
		r = write_program(t, &t->threads[i], d->c.arena);
	for (size_t i = 0; i < t->n_threads && r == 0; i++)
		r = filters_check_program(d, &t->threads[i]);
	if (r == 0)
		r = arena_map_check(&t->visit_map, err);
	for (size_t i = 0; i < t->n_threads && r == 0 && !d->unaskable; i++)
		r = tracee_run(t->threads[i].tracee, &t->visit_map, &t->threads[i].visit,
			       VISIT_TIMEOUT_MS, err);
	int u = tracee_unmap(leader, t->visit_base, t->visit_map.size, r < 0 ? NULL : err);
	if (u == 0)
		t->visit_base = 0;
	if (r == 0 && !d->unaskable)
		t->brk = *(const uint64_t *)program_at(&t->threads[0].visit, t->brk_answer);
	return r < 0 ? r : u;
}

int visit_all(struct dump_state *d, struct error *err)
{
	for (size_t i = 0; i < d->n_tasks && !d->unaskable; i++) {
		struct dumped_task *t = &d->tasks[i];
		if (!t->n_threads)
			continue;
		int r = visit_task(d, t, err);
		if (r < 0) {
			error_object(err, "pid %d (%s)", t->record.pid, t->record.comm);
			return r;
		}
	}
	return 0;
}

void visit_done(struct dump_state *d)
{
	for (size_t i = 0; i < d->n_tasks; i++) {
		struct dumped_task *t = &d->tasks[i];
		for (size_t k = 0; k < t->n_threads; k++)
			if (t->threads[k].has_visit)
				program_done(&t->threads[k].visit);
		if (t->visit_map.map)
			arena_map_done(&t->visit_map);
	}
}
