/* SPDX-License-Identifier: Apache-2.0 */
/* check_seccomp.c - the rules for "linux.seccomp" (config-linux.md, "Seccomp"). */
#include "base/parse.h"
#include "spec/check.h"

/* "When the action doesn't support an errno, the runtime MUST print an error and fail." */
static bool takes_errno(const char *action)
{
	return str_eq(action, "SCMP_ACT_ERRNO") || str_eq(action, "SCMP_ACT_TRACE");
}

static int check_rules(const struct check *c, const struct spec_seccomp *s, bool *ret_notify)
{
	for (size_t i = 0; i < s->n_syscalls; i++) {
		const struct spec_seccomp_rule *rule = &s->syscalls[i];
		if (rule->errno_ret.set && !takes_errno(rule->action)) {
			(void)error_set(c->err, EINVAL, "%s returns no errno", rule->action);
			return check_at(c, "/syscalls/%zu/errnoRet", i);
		}
		if (str_eq(rule->action, "SCMP_ACT_NOTIFY"))
			*ret_notify = true;
	}
	return 0;
}

static int check_listener(const struct check *c, const struct spec_seccomp *s, bool notify)
{
	if (s->listener_path)
		return check_absolute(c, "/listenerPath", s->listener_path);
	if (notify) {
		(void)error_set(c->err, EINVAL, "SCMP_ACT_NOTIFY is used, but nobody listens");
		(void)error_hint(c->err, "give the path of the agent's socket");
		return check_at(c, "/listenerPath");
	}
	if (s->listener_metadata) {
		(void)error_set(c->err, EINVAL, "there is no listenerPath to send it to");
		return check_at(c, "/listenerMetadata");
	}
	return 0;
}

int check_seccomp(const struct check *c, const struct spec_seccomp *s)
{
	bool notify = false;
	if (s->default_errno_ret.set && !takes_errno(s->default_action)) {
		(void)error_set(c->err, EINVAL, "%s returns no errno", s->default_action);
		return check_at(c, "/defaultErrnoRet");
	}
	/* Sending the agent's descriptor would itself wait for the agent. */
	if (str_eq(s->default_action, "SCMP_ACT_NOTIFY")) {
		(void)error_set(c->err, EINVAL, "SCMP_ACT_NOTIFY cannot be the default");
		return check_at(c, "/defaultAction");
	}
	int r = check_rules(c, s, &notify);
	return r < 0 ? r : check_listener(c, s, notify);
}
