/* SPDX-License-Identifier: Apache-2.0 */
/* options_isolation.c - setters: namespaces and walls. See options.h. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "container/ns/ns.h"
#include "container/security/security.h"
#include "engine/options.h"

#define KEEP(s, text) arena_strdup(&(s)->spec.arena, (text))

int opt_hostname(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!*value || strlen(value) > 64)
		return error_set(err, EINVAL, "a host name has 1 to 64 characters");
	s->spec.hostname = KEEP(s, value);
	return 0;
}

int opt_share(struct contexe_spec *s, const char *value, struct error *err)
{
	const struct ns_kind *kind = ns_find(value);
	if (!kind) {
		error_set(err, EINVAL, "there is no such namespace");
		return error_hint(err, "pid, net, ipc, uts or cgroup");
	}
	if (str_eq(kind->type, "mount") || str_eq(kind->type, "time") ||
	    str_eq(kind->type, "user")) {
		error_set(err, EINVAL, "this namespace cannot be shared with the machine");
		return error_hint(err, "mounts and clocks are always a container's own; users are "
				       "shared unless mapped");
	}
	strings_add(&s->spec.arena, &s->share, kind->type);
	return 0;
}

int opt_join(struct contexe_spec *s, const char *value, struct error *err)
{
	const char *colon = strrchr(value, ':');
	const struct ns_kind *kind = colon ? ns_find(colon + 1) : NULL;
	if (!kind || colon == value) {
		error_set(err, EINVAL, "not of the form CONTAINER:NAMESPACE");
		return error_hint(err, "like web:net; pid, net, ipc, uts, cgroup, time or user");
	}
	if (str_eq(kind->type, "mount"))
		return error_set(err, EINVAL, "a container's mounts are its own; use --volume");
	strings_add(&s->spec.arena, &s->spec.contexe.join, value);
	return 0;
}

int opt_network(struct contexe_spec *s, const char *value, struct error *err)
{
	if (str_eq(value, "none"))
		return 0;
	if (str_eq(value, "host"))
		return opt_share(s, "network", err);
	if (str_has_prefix(value, "container:") && value[10]) {
		strings_add(&s->spec.arena, &s->spec.contexe.join,
			    arena_printf(&s->spec.arena, "%s:net", value + 10));
		return 0;
	}
	error_set(err, EINVAL, "there is no such network");
	return error_hint(err, "none, host or container:NAME");
}

static int check_cap(const char *value, struct error *err)
{
	if (str_eq(value, "ALL") || str_eq(value, "all") || capability_number(value) >= 0)
		return 0;
	error_set(err, EINVAL, "there is no such capability");
	return error_hint(err, "see capabilities(7): NET_RAW, CAP_NET_RAW, ... or ALL");
}

int opt_cap_add(struct contexe_spec *s, const char *value, struct error *err)
{
	int r = check_cap(value, err);
	if (r == 0)
		strings_add(&s->spec.arena, &s->caps_add, value);
	return r;
}

int opt_cap_drop(struct contexe_spec *s, const char *value, struct error *err)
{
	int r = check_cap(value, err);
	if (r == 0)
		strings_add(&s->spec.arena, &s->caps_drop, value);
	return r;
}

int opt_privileged(struct contexe_spec *s, const char *value, struct error *err)
{
	return option_bool(value, &s->spec.contexe.privileged, err);
}

int opt_new_privs(struct contexe_spec *s, const char *value, struct error *err)
{
	bool allow = false;
	int r = option_bool(value, &allow, err);
	if (r == 0)
		s->spec.process.no_new_privs = !allow;
	return r;
}

int opt_seccomp(struct contexe_spec *s, const char *value, struct error *err)
{
	(void)err;
	s->no_seccomp = str_eq(value, "none") || str_eq(value, "unconfined");
	s->seccomp_file = s->no_seccomp || str_eq(value, "default") ? NULL : KEEP(s, value);
	return 0;
}

int opt_apparmor(struct contexe_spec *s, const char *value, struct error *err)
{
	(void)err;
	s->spec.process.apparmor_profile = KEEP(s, value);
	return 0;
}

int opt_selinux(struct contexe_spec *s, const char *value, struct error *err)
{
	(void)err;
	s->spec.process.selinux_label = KEEP(s, value);
	return 0;
}

int opt_mask(struct contexe_spec *s, const char *value, struct error *err)
{
	if (value[0] != '/')
		return error_set(err, EINVAL, "must begin with /");
	strings_add(&s->spec.arena, &s->spec.linux_.masked_paths, value);
	return 0;
}

int opt_unmask(struct contexe_spec *s, const char *value, struct error *err)
{
	if (str_eq(value, "ALL") || str_eq(value, "all")) {
		s->no_masks = true;
		return 0;
	}
	if (value[0] != '/')
		return error_set(err, EINVAL, "must begin with /, or be ALL");
	strings_add(&s->spec.arena, &s->unmask, value);
	return 0;
}

int opt_proc_view(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!str_eq(value, "auto") && !str_eq(value, "on") && !str_eq(value, "off")) {
		error_set(err, EINVAL, "there is no such way to show /proc");
		return error_hint(err, "auto, on or off");
	}
	s->spec.contexe.proc_view = KEEP(s, value);
	return 0;
}

int opt_sysctl(struct contexe_spec *s, const char *value, struct error *err)
{
	const char *eq = strchr(value, '=');
	if (!eq || eq == value)
		return error_set(err, EINVAL, "not of the form KEY=VALUE");
	pairs_set(&s->spec.arena, &s->spec.linux_.sysctl,
		  arena_strndup(&s->spec.arena, value, (size_t)(eq - value)), eq + 1);
	return 0;
}

int opt_delegate(struct contexe_spec *s, const char *value, struct error *err)
{
	return option_bool(value, &s->spec.contexe.delegate, err);
}

int opt_cgroup_path(struct contexe_spec *s, const char *value, struct error *err)
{
	if (value[0] != '/' || strstr(value, ".."))
		return error_set(err, EINVAL, "must begin with / and not hold '..'");
	s->spec.linux_.cgroups_path = KEEP(s, value);
	return 0;
}

int opt_security_opt(struct contexe_spec *s, const char *value, struct error *err)
{
	static const struct {
		const char *prefix, *same;
		option_setter *set;
	} kinds[] = {
		{ "seccomp=", "seccomp", opt_seccomp }, { "apparmor=", "apparmor", opt_apparmor },
		{ "label=", "selinux", opt_selinux },	{ "mask=", "mask", opt_mask },
		{ "unmask=", "unmask", opt_unmask },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_has_prefix(value, kinds[i].prefix)) {
			const char *rest = value + strlen(kinds[i].prefix);
			option_given(s, kinds[i].same, rest);
			return kinds[i].set(s, rest, err);
		}
	bool on = true;
	if (str_has_prefix(value, "no-new-privileges")) {
		const char *rest = value + strlen("no-new-privileges");
		int r = *rest == '=' || *rest == ':' ? option_bool(rest + 1, &on, err) : 0;
		s->spec.process.no_new_privs = on;
		return r;
	}
	error_set(err, EINVAL, "there is no such security option");
	return error_hint(err, "seccomp=, apparmor=, label=, no-new-privileges, mask=, unmask=");
}
