/* SPDX-License-Identifier: Apache-2.0 */
/* check_linux.c - the rules for "linux" (config-linux.md), but for its larger parts. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "spec/check.h"
#include "spec/json.h"

static int check_namespaces(const struct check *c, const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	char at[48];
	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct spec_namespace *ns = &l->namespaces[i];
		if (spec_namespace_find(s, ns->type) != ns) {
			(void)error_set(c->err, EINVAL, "there are two %s namespaces", ns->type);
			return check_at(c, "/namespaces/%zu/type", i);
		}
		(void)snprintf(at, sizeof(at), "/namespaces/%zu/path", i);
		int r = ns->path ? check_absolute(c, at, ns->path) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* By name: whose namespaces these are is filled in at each start. */
static bool joins_user(const struct spec *s)
{
	for (size_t i = 0; i < s->contexe.join.n; i++) {
		const char *colon = strrchr(s->contexe.join.v[i], ':');
		if (colon && str_eq(colon, ":user"))
			return true;
	}
	return false;
}

/*
 * Maps need a user namespace. One that is joined has its own, but callers (the Kubernetes
 * runtimes) write down both for it: they are taken as what the caller believes the namespace
 * holds.
 */
static int check_mappings(const struct check *c, const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	if (!l->n_uid_mappings && !l->n_gid_mappings)
		return 0;
	if (!spec_namespace_find(s, "user") && !joins_user(s)) {
		(void)error_set(c->err, EINVAL, "there is no user namespace to map ids for");
		(void)error_hint(c->err, "add {\"type\": \"user\"} to linux.namespaces");
		return check_at(c, l->n_uid_mappings ? "/uidMappings" : "/gidMappings");
	}
	if (!l->n_uid_mappings || !l->n_gid_mappings) {
		(void)error_set(c->err, EINVAL, "a user namespace needs both maps");
		return check_at(c, l->n_uid_mappings ? "/gidMappings" : "/uidMappings");
	}
	int r = check_idmaps(c, "/uidMappings", l->uid_mappings, l->n_uid_mappings);
	return r < 0 ? r : check_idmaps(c, "/gidMappings", l->gid_mappings, l->n_gid_mappings);
}

static bool is_mapped(uint32_t id, const struct spec_idmap *maps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size)
			return true;
	return !n; /* without maps there is nothing to say */
}

/* setresuid(2): EINVAL for an id that has no mapping. */
static int check_user_mapped(const struct check *c, const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	const struct spec_user *u = &s->process.user;
	struct check top = { .prefix = "", .err = c->err };
	if (!is_mapped(u->uid, l->uid_mappings, l->n_uid_mappings)) {
		(void)error_set(c->err, EINVAL, "linux.uidMappings do not map uid %u", u->uid);
		return check_at(&top, "/process/user/uid");
	}
	if (!is_mapped(u->gid, l->gid_mappings, l->n_gid_mappings)) {
		(void)error_set(c->err, EINVAL, "linux.gidMappings do not map gid %u", u->gid);
		return check_at(&top, "/process/user/gid");
	}
	return 0;
}

/* time_namespaces(7): offsets are written before the first process enters. */
static int check_time(const struct check *c, const struct spec *s)
{
	const struct spec_time_offset *m = &s->linux_.monotonic, *b = &s->linux_.boottime;
	const struct spec_namespace *ns = spec_namespace_find(s, "time");
	if (!m->secs.set && !m->nanosecs.set && !b->secs.set && !b->nanosecs.set)
		return 0;
	if (ns && !ns->path)
		return 0;
	(void)error_set(c->err, EINVAL,
			ns ? "the offsets of a time namespace that is joined are fixed"
			   : "there is no time namespace");
	if (!ns)
		(void)error_hint(c->err, "add {\"type\": \"time\"} to linux.namespaces");
	return check_at(c, "/timeOffsets");
}

static int check_devices(const struct check *c, const struct spec *s)
{
	char at[48];
	int r = 0;
	for (size_t i = 0; !r && i < s->linux_.n_devices; i++) {
		(void)snprintf(at, sizeof(at), "/devices/%zu/path", i);
		r = check_absolute(c, at, s->linux_.devices[i].path);
	}
	return r;
}

static int check_paths(const struct check *c, const struct spec *s)
{
	int r = check_absolutes(c, "/maskedPaths", &s->linux_.masked_paths);
	if (!r)
		r = check_absolutes(c, "/readonlyPaths", &s->linux_.readonly_paths);
	if (r < 0 || !s->linux_.cgroups_path || !path_climbs(s->linux_.cgroups_path))
		return r;
	(void)error_set(c->err, EINVAL, "\"..\" is not taken in the path of a control group");
	return check_at(c, "/cgroupsPath");
}

static int check_personality(const struct check *c, const struct spec *s)
{
	if (!s->linux_.personality_flags.n)
		return 0;
	(void)error_set(c->err, EINVAL, "no flags of personalities are defined");
	return check_at(c, "/personality/flags");
}

/* netdevice(7): IFNAMSIZ; the kernel's dev_valid_name(). */
static bool is_interface(const char *name)
{
	return is_file_name(name) && strlen(name) < 16 && !strpbrk(name, ": \t\n\v\f\r");
}

static const char *inner_name(const struct spec_net_device *d)
{
	return d->name ? d->name : d->host_name;
}

static int check_net_devices(const struct check *c, const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	if (l->n_net_devices && !spec_namespace_find(s, "network")) {
		(void)error_set(c->err, EINVAL, "there is no network namespace to move devices to");
		(void)error_hint(c->err, "add {\"type\": \"network\"} to linux.namespaces");
		return check_at(c, "/netDevices");
	}
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct spec_net_device *d = &l->net_devices[i];
		bool taken = false;
		for (size_t k = 0; k < i; k++)
			taken = taken || str_eq(inner_name(d), inner_name(&l->net_devices[k]));
		if (taken)
			(void)error_set(c->err, EINVAL, "two devices get the same name");
		else if (!is_interface(d->host_name) || !is_interface(inner_name(d)))
			(void)error_set(c->err, EINVAL, "not the name of a network device");
		else
			continue;
		return check_at_key(c, "/netDevices", d->host_name);
	}
	return 0;
}

/* set_mempolicy(2) */
static int check_memory_policy(const struct check *c, const struct spec *s)
{
	const struct spec_memory_policy *m = &s->linux_.memory_policy;
	if (!s->linux_.has_memory_policy)
		return 0;
	bool none = str_eq(m->mode, "MPOL_DEFAULT") || str_eq(m->mode, "MPOL_LOCAL");
	bool some = !none && !str_eq(m->mode, "MPOL_PREFERRED"); /* which takes either */
	if ((none && m->nodes) || (some && !m->nodes)) {
		(void)error_set(c->err, EINVAL, none ? "%s takes no nodes" : "%s needs nodes",
				m->mode);
		return check_at(c, "/memoryPolicy/nodes");
	}
	if (strings_has(&m->flags, "MPOL_F_STATIC_NODES") &&
	    strings_has(&m->flags, "MPOL_F_RELATIVE_NODES")) {
		(void)error_set(c->err, EINVAL, "nodes are static or relative, not both");
		return check_at(c, "/memoryPolicy/flags");
	}
	return check_cpulist(c, "/memoryPolicy/nodes", m->nodes);
}

/* config-linux.md, "IntelRdt". closID "/" is the root group. */
static int check_intel_rdt(const struct check *c, const struct spec *s)
{
	const struct spec_intel_rdt *rdt = &s->linux_.intel_rdt;
	if (!s->linux_.has_intel_rdt)
		return 0;
	if (rdt->clos_id && !is_file_name(rdt->clos_id) && strcmp(rdt->clos_id, "/") != 0) {
		(void)error_set(c->err, EINVAL, "not the name of a directory in resctrl");
		return check_at(c, "/intelRdt/closID");
	}
	if (rdt->mem_bw_schema &&
	    (!str_has_prefix(rdt->mem_bw_schema, "MB:") || strchr(rdt->mem_bw_schema, '\n'))) {
		(void)error_set(c->err, EINVAL, "is one line that begins with MB:");
		return check_at(c, "/intelRdt/memBwSchema");
	}
	for (size_t i = 0; i < rdt->schemata.n; i++) {
		if (!strchr(rdt->schemata.v[i], '\n'))
			continue;
		(void)error_set(c->err, EINVAL, "is one line; give several as several strings");
		return check_at(c, "/intelRdt/schemata/%zu", i);
	}
	return 0;
}

static int check_resources_of(const struct check *c, const struct spec *s)
{
	struct check part = { .prefix = "/linux/resources", .err = c->err };
	return check_resources(&part, &s->linux_.resources);
}

static int check_seccomp_of(const struct check *c, const struct spec *s)
{
	struct check part = { .prefix = "/linux/seccomp", .err = c->err };
	return s->linux_.seccomp.default_action ? check_seccomp(&part, &s->linux_.seccomp) : 0;
}

int check_linux(const struct check *c, const struct spec *s)
{
	static int (*const rules[])(const struct check *, const struct spec *) = {
		check_namespaces,    check_mappings,  check_user_mapped, check_time,
		check_devices,	     check_paths,     check_personality, check_net_devices,
		check_memory_policy, check_intel_rdt, check_sysctl,	 check_resources_of,
		check_seccomp_of,
	};
	int r = 0;
	for (size_t i = 0; !r && i < ARRAY_SIZE(rules); i++)
		r = rules[i](c, s);
	return r;
}
