/* SPDX-License-Identifier: Apache-2.0 */
/* check_process.c - the rules for "process" (config.md, "Process"). */
#include <string.h>

#include "base/parse.h"
#include "spec/check.h"

static int check_args(const struct check *c, const struct spec_process *p)
{
	if (p->args.n && *p->args.v[0])
		return 0;
	(void)error_set(c->err, EINVAL, "there is no command to execute");
	(void)error_hint(c->err, "name one: \"args\": [\"/bin/sh\"]");
	return p->args.n ? check_at(c, "/args/0") : check_at(c, "/args");
}

static int check_cwd(const struct check *c, const struct spec_process *p)
{
	if (p->cwd)
		return check_absolute(c, "/cwd", p->cwd);
	(void)error_set(c->err, EINVAL, "there is no working directory");
	(void)error_hint(c->err, "\"cwd\": \"/\"");
	return check_at(c, "/cwd");
}

static int check_process_env(const struct check *c, const struct spec_process *p)
{
	return check_env(c, "/env", &p->env);
}

static int check_rlimits(const struct check *c, const struct spec_process *p)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *l = &p->rlimits[i];
		if (l->soft > l->hard) { /* setrlimit(2): EINVAL */
			(void)error_set(c->err, EINVAL, "the soft limit is above the hard limit");
			return check_at(c, "/rlimits/%zu/soft", i);
		}
		for (size_t k = 0; k < i; k++) {
			if (strcmp(l->type, p->rlimits[k].type))
				continue;
			(void)error_set(c->err, EINVAL, "%s is given twice", l->type);
			return check_at(c, "/rlimits/%zu/type", i);
		}
	}
	return 0;
}

/* sched_setattr(2), "ERRORS", EINVAL. */
static int check_scheduler(const struct check *c, const struct spec_process *p)
{
	const struct spec_scheduler *s = &p->scheduler;
	if (!p->has_scheduler)
		return 0;
	bool fixed = str_eq(s->policy, "SCHED_FIFO") || str_eq(s->policy, "SCHED_RR");
	if (fixed != (s->priority > 0)) {
		(void)error_set(c->err, EINVAL,
				fixed ? "%s needs a priority from 1 to 99" : "%s has no priority",
				s->policy);
		return check_at(c, "/scheduler/priority");
	}
	if (!str_eq(s->policy, "SCHED_DEADLINE")) {
		if (!s->runtime && !s->deadline && !s->period)
			return 0;
		(void)error_set(c->err, EINVAL,
				"runtime, deadline and period belong to SCHED_DEADLINE only");
		return check_at(c, "/scheduler/policy");
	}
	if (s->runtime && s->runtime <= s->deadline && (!s->period || s->deadline <= s->period))
		return 0;
	(void)error_set(c->err, EINVAL, "SCHED_DEADLINE needs 0 < runtime <= deadline <= period");
	(void)error_hint(c->err, "in nanoseconds; period 0 is the same as deadline");
	return check_at(c, "/scheduler");
}

static int check_affinity(const struct check *c, const struct spec_process *p)
{
	int r = check_cpulist(c, "/execCPUAffinity/initial", p->cpu_affinity.initial);
	return r < 0 ? r : check_cpulist(c, "/execCPUAffinity/final", p->cpu_affinity.final);
}

int check_process(const struct check *c, const struct spec_process *p)
{
	static int (*const rules[])(const struct check *, const struct spec_process *) = {
		check_args,    check_cwd,	check_process_env,
		check_rlimits, check_scheduler, check_affinity,
	};
	int r = 0;
	for (size_t i = 0; !r && i < ARRAY_SIZE(rules); i++)
		r = rules[i](c, p);
	return r;
}
