/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - spec_check() and the helpers of all rules; the top of config.json: version, root,
 * mounts, hooks.
 */
#include "spec/check.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "spec/json.h"
#include "spec/pointer.h"
#include "spec/tables.h"

#define IDMAP_MAX 340 /* UID_GID_MAP_MAX_EXTENTS, since Linux 4.15; user_namespaces(7) */

int check_at(const struct check *c, const char *fmt, ...)
{
	CLEANUP_BUF struct buf at = BUF_INIT;
	buf_puts(&at, c->prefix);
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&at, fmt, ap);
	va_end(ap);
	(void)error_object(c->err, "%s", buf_str(&at));
	return -EINVAL;
}

int check_at_key(const struct check *c, const char *map, const char *key)
{
	CLEANUP_BUF struct buf at = BUF_INIT;
	buf_puts(&at, map);
	pointer_add_key(&at, key);
	return check_at(c, "%s", buf_str(&at));
}

bool path_climbs(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

bool is_file_name(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

bool strings_has(const struct strings *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return true;
	return false;
}

int check_absolute(const struct check *c, const char *at, const char *path)
{
	char quote[80];
	if (*path == '/')
		return 0;
	(void)error_set(c->err, EINVAL, "the path %s is not absolute",
			json_quote(path, quote, sizeof(quote)));
	(void)error_hint(c->err, "begin it with /");
	return check_at(c, "%s", at);
}

int check_absolutes(const struct check *c, const char *at, const struct strings *paths)
{
	char element[80];
	int r = 0;
	for (size_t i = 0; !r && i < paths->n; i++) {
		(void)snprintf(element, sizeof(element), "%s/%zu", at, i);
		r = check_absolute(c, element, paths->v[i]);
	}
	return r;
}

/* config.md, "Process": the semantics of environ(7). A name may hold anything but "=". */
int check_env(const struct check *c, const char *at, const struct strings *env)
{
	char quote[80];
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');
		if (equals && equals != env->v[i])
			continue;
		(void)error_set(c->err, EINVAL, "the variable %s is not NAME=value",
				json_quote(env->v[i], quote, sizeof(quote)));
		return check_at(c, "%s/%zu", at, i);
	}
	return 0;
}

int check_cpulist(const struct check *c, const char *at, const char *list)
{
	char quote[80];
	if (!list || parse_is_cpulist(list))
		return 0;
	(void)error_set(c->err, EINVAL, "%s is not a list of numbers",
			json_quote(list, quote, sizeof(quote)));
	(void)error_hint(c->err, "write it as the kernel does: \"0-3,8\"");
	return check_at(c, "%s", at);
}

static bool ranges_overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

/* user_namespaces(7), "User and group ID mappings". */
int check_idmaps(const struct check *c, const char *at, const struct spec_idmap *maps, size_t n)
{
	if (n > IDMAP_MAX) {
		(void)error_set(c->err, EINVAL, "%zu ranges, the kernel takes at most %d", n,
				IDMAP_MAX);
		return check_at(c, "%s", at);
	}
	for (size_t i = 0; i < n; i++) {
		const struct spec_idmap *m = &maps[i];
		if ((uint64_t)m->container_id + m->size > UINT32_MAX ||
		    (uint64_t)m->host_id + m->size > UINT32_MAX) {
			(void)error_set(c->err, EINVAL,
					"the range ends above the last id, 4294967294");
			return check_at(c, "%s/%zu/size", at, i);
		}
		for (size_t k = 0; k < i; k++) {
			if (!ranges_overlap(m->container_id, m->size, maps[k].container_id,
					    maps[k].size) &&
			    !ranges_overlap(m->host_id, m->size, maps[k].host_id, maps[k].size))
				continue;
			(void)error_set(c->err, EINVAL, "the range overlaps with range %zu", k);
			return check_at(c, "%s/%zu", at, i);
		}
	}
	return 0;
}

/* "1.MINOR.PATCH", then nothing, "-pre" or "+build" (SemVer 2.0.0). */
static bool is_version_1(const char *v)
{
	if (!str_has_prefix(v, "1."))
		return false;
	size_t minor = strspn(v += 2, "0123456789");
	if (!minor || v[minor] != '.')
		return false;
	size_t patch = strspn(v += minor + 1, "0123456789");
	return patch && (!v[patch] || strchr("-+", v[patch]));
}

/* config.md, "Specification version": what is written for 1.x holds for every 1.y. */
static int check_version(const struct check *c, const struct spec *s)
{
	char quote[48];
	if (is_version_1(s->oci_version))
		return 0;
	if (s->oci_version)
		(void)error_set(c->err, EINVAL, "version %s of the specification is not known",
				json_quote(s->oci_version, quote, sizeof(quote)));
	else
		(void)error_set(c->err, EINVAL, "the version of the specification is missing");
	(void)error_hint(c->err, "every 1.x.y is taken: \"ociVersion\": \"1.2.0\"");
	return check_at(c, "/ociVersion");
}

static int check_root(const struct check *c, const struct spec *s)
{
	if (s->root_path)
		return 0;
	(void)error_set(c->err, EINVAL, "no root file system is given");
	(void)error_hint(c->err, "name a directory: \"root\": {\"path\": \"rootfs\"}");
	return check_at(c, "/root/path");
}

/* config.md, "Hostname", "Domainname": they are properties of a uts namespace. */
static int check_uts_name(const struct check *c, const struct spec *s, const char *at,
			  const char *name)
{
	if (!name)
		return 0;
	if (strlen(name) > 64) { /* sethostname(2): __NEW_UTS_LEN */
		(void)error_set(c->err, EINVAL, "%zu bytes, the kernel takes at most 64",
				strlen(name));
		return check_at(c, "%s", at);
	}
	if (spec_namespace_find(s, "uts"))
		return 0;
	(void)error_set(c->err, EINVAL,
			"would be changed for the whole machine: "
			"there is no uts namespace");
	(void)error_hint(c->err, "add {\"type\": \"uts\"} to linux.namespaces");
	return check_at(c, "%s", at);
}

static int check_names(const struct check *c, const struct spec *s)
{
	int r = check_uts_name(c, s, "/hostname", s->hostname);
	return r < 0 ? r : check_uts_name(c, s, "/domainname", s->domainname);
}

/*
 * config.md, "Mounts". A relative destination is tolerated, as the specification tells runtimes to
 * for old callers: it is meant from "/". (Whoever mounts resolves below the root in any case.)
 */
static int check_mounts(const struct check *c, const struct spec *s)
{
	char at[64];
	int r = 0;
	for (size_t i = 0; !r && i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		if (!m->n_uid_maps != !m->n_gid_maps) {
			(void)error_set(c->err, EINVAL, "an id-mapped mount needs both maps");
			return check_at(c, "/mounts/%zu/%s", i,
					m->n_uid_maps ? "gidMappings" : "uidMappings");
		}
		(void)snprintf(at, sizeof(at), "/mounts/%zu/uidMappings", i);
		r = check_idmaps(c, at, m->uid_maps, m->n_uid_maps);
		(void)snprintf(at, sizeof(at), "/mounts/%zu/gidMappings", i);
		if (!r)
			r = check_idmaps(c, at, m->gid_maps, m->n_gid_maps);
	}
	return r;
}

static int check_hook_list(const struct check *c, const char *name,
			   const struct spec_hooks_list *list)
{
	char at[64];
	int r = 0;
	for (size_t i = 0; !r && i < list->n; i++) {
		(void)snprintf(at, sizeof(at), "/hooks/%s/%zu/path", name, i);
		r = check_absolute(c, at, list->v[i].path);
		(void)snprintf(at, sizeof(at), "/hooks/%s/%zu/env", name, i);
		if (!r)
			r = check_env(c, at, &list->v[i].env);
	}
	return r;
}

static int check_hooks(const struct check *c, const struct spec *s)
{
	const struct {
		const char *name;
		const struct spec_hooks_list *list;
	} lists[] = {
		{ "prestart", &s->hooks.prestart },
		{ "createRuntime", &s->hooks.create_runtime },
		{ "createContainer", &s->hooks.create_container },
		{ "startContainer", &s->hooks.start_container },
		{ "poststart", &s->hooks.poststart },
		{ "poststop", &s->hooks.poststop },
	};
	int r = 0;
	for (size_t i = 0; !r && i < ARRAY_SIZE(lists); i++)
		r = check_hook_list(c, lists[i].name, lists[i].list);
	return r;
}

static int check_process_of(const struct check *c, const struct spec *s)
{
	struct check part = { .prefix = "/process", .err = c->err };
	return check_process(&part, &s->process);
}

static int check_linux_of(const struct check *c, const struct spec *s)
{
	struct check part = { .prefix = "/linux", .err = c->err };
	return check_linux(&part, s);
}

int spec_check(const struct spec *s, struct error *err)
{
	static int (*const rules[])(const struct check *, const struct spec *) = {
		check_version, check_process_of, check_root,	 check_names,
		check_mounts,  check_hooks,	 check_linux_of,
	};
	struct check c = { .prefix = "", .err = err };
	int r = schema_check(&spec_schema, s, err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(rules); i++)
		r = rules[i](&c, s);
	return r;
}

int spec_process_check(const struct spec_process *process, struct error *err)
{
	struct check c = { .prefix = "", .err = err };
	int r = schema_check(&process_schema, process, err);
	return r < 0 ? r : check_process(&c, process);
}

int spec_resources_check(const struct spec_resources *res, struct error *err)
{
	struct check c = { .prefix = "", .err = err };
	int r = schema_check(&resources_schema, res, err);
	return r < 0 ? r : check_resources(&c, res);
}
