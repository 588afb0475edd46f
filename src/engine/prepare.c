/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.c - see prepare.h. */
#include "engine/prepare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "container/cgroup/cgroup.h"
#include "container/ns/ns.h"
#include "container/security/security.h"
#include "engine/defaults.h"
#include "engine/hostroot.h"
#include "engine/lifecycle.h"

static bool listed(const struct strings *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i], s))
			return true;
	return false;
}

void prepare_env(struct spec *s, const char *assignment)
{
	struct strings *env = &s->process.env;
	size_t n = strcspn(assignment, "=") + 1;
	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], assignment, n)) {
			env->v[i] = arena_strdup(&s->arena, assignment);
			return;
		}
	strings_add(&s->arena, env, assignment);
}

/* ---- namespaces ---- */

static bool joined(const struct spec *s, const char *type)
{
	for (size_t i = 0; i < s->contexe.join.n; i++) {
		const struct ns_kind *kind = ns_find(strrchr(s->contexe.join.v[i], ':') + 1);
		if (kind && str_eq(kind->type, type))
			return true;
	}
	return false;
}

static void add_map(struct spec *s, struct spec_idmap **map, size_t *n, uint32_t in, uint32_t out,
		    uint32_t size)
{
	struct spec_idmap *m = arena_grow(&s->arena, map, n, sizeof(**map));
	*m = (struct spec_idmap){ in, out, size };
}

/* Without root: our own id as root inside, and the ranges of /etc/subuid, /etc/subgid behind it. */
static void rootless_maps(struct spec *s)
{
	struct spec_linux *l = &s->linux_;
	uint32_t start, count;
	bool helpers = ns_have_newidmap();
	add_map(s, &l->uid_mappings, &l->n_uid_mappings, 0, geteuid(), 1);
	if (helpers && ns_subid_range("/etc/subuid", geteuid(), &start, &count) == 0)
		add_map(s, &l->uid_mappings, &l->n_uid_mappings, 1, start, count);
	add_map(s, &l->gid_mappings, &l->n_gid_mappings, 0, getegid(), 1);
	if (helpers && l->n_uid_mappings > 1 &&
	    ns_subid_range("/etc/subgid", geteuid(), &start, &count) == 0)
		add_map(s, &l->gid_mappings, &l->n_gid_mappings, 1, start, count);
}

/* Opens the container that an entry of contexe.join names; it must have processes. */
static int open_joined(const struct root *root, const char *text, struct container **ret,
		       const struct ns_kind **ret_kind, struct error *err)
{
	const char *colon = strrchr(text, ':');
	const struct ns_kind *kind = colon ? ns_find(colon + 1) : NULL;
	CLEANUP_STR char *name = xasprintf("%.*s", colon ? (int)(colon - text) : 0, text);
	int r = kind ? container_open(root, name, ret, err)
		     : error_set(err, EINVAL, "no such namespace");
	if (r == 0)
		r = lifecycle_check((*ret)->now, EVENT_STATS, (*ret)->name, err);
	if (r < 0)
		return error_what(err, "cannot join a namespace of container '%s'", name);
	*ret_kind = kind;
	return 0;
}

/* Who joins a user namespace has the ids that it maps, and none else. */
static int joined_maps(const struct root *root, struct spec *s, struct error *err)
{
	if (s->linux_.n_uid_mappings || s->linux_.n_gid_mappings) {
		error_set(err, EINVAL, "a user namespace that is joined has its maps");
		return error_hint(err, "leave --uid-map and --gid-map out, or the --join");
	}
	for (size_t i = 0; i < s->contexe.join.n; i++) {
		struct container *other CLEANUP_CONTAINER = NULL;
		const struct ns_kind *kind;
		char path[64];
		int r = open_joined(root, s->contexe.join.v[i], &other, &kind, err);
		if (r < 0)
			return r;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", other->init.pid);
		if (str_eq(kind->type, "user") && !ns_is_ours(path, kind))
			return ns_read_idmaps(path, &s->arena, &s->linux_, err);
	}
	return 0;
}

static int prepare_namespaces(const struct root *root, struct contexe_spec *cs,
			      const struct container *c, struct error *err)
{
	struct spec *s = &cs->spec;
	struct spec_linux *l = &s->linux_;

	int r = joined(s, "user") ? joined_maps(root, s, err) : 0;
	if (r == 0)
		r = prepare_ids(root, s, c, err);
	if (r < 0)
		return r;
	if (!root->privileged && !l->n_uid_mappings)
		rootless_maps(s);
	if (l->n_gid_mappings && !l->n_uid_mappings)
		return error_set(err, EINVAL, "--gid-map needs --uid-map");
	if (l->n_uid_mappings && !l->n_gid_mappings)
		for (size_t i = 0; i < l->n_uid_mappings; i++)
			add_map(s, &l->gid_mappings, &l->n_gid_mappings,
				l->uid_mappings[i].container_id, l->uid_mappings[i].host_id,
				l->uid_mappings[i].size);
	for (size_t i = 0; i < NS_KINDS; i++) {
		const char *type = ns_kinds[i].type;
		if (listed(&cs->share, type) || joined(s, type))
			continue;
		if (str_eq(type, "user") && !l->n_uid_mappings)
			continue;
		if (str_eq(type, "cgroup") && cgroup_layout() == CGROUP_NONE)
			continue;
		struct spec_namespace *ns = arena_push(&s->arena, l->namespaces, l->n_namespaces);
		ns->type = arena_strdup(&s->arena, type);
	}
	return 0;
}

static bool same_map(const struct spec_idmap *a, size_t n_a, const struct spec_idmap *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

static int other_maps(struct error *err)
{
	error_set(err, EINVAL, "the user namespace to join maps other ids than this container has");
	return error_hint(err, "make the container anew: its files belong to the old ids");
}

/* The maps are written down, since files on disk belong to these ids; they must still be so. */
static int check_joined_maps(struct spec *s, const char *path, struct error *err)
{
	struct spec_linux *l = &s->linux_, now = { 0 };
	int r = ns_read_idmaps(path, &s->arena, &now, err);
	if (r < 0)
		return r;
	if (!l->n_uid_mappings && !l->n_gid_mappings) { /* a configuration that others wrote */
		l->uid_mappings = now.uid_mappings;
		l->n_uid_mappings = now.n_uid_mappings;
		l->gid_mappings = now.gid_mappings;
		l->n_gid_mappings = now.n_gid_mappings;
		return 0;
	}
	if (same_map(l->uid_mappings, l->n_uid_mappings, now.uid_mappings, now.n_uid_mappings) &&
	    same_map(l->gid_mappings, l->n_gid_mappings, now.gid_mappings, now.n_gid_mappings))
		return 0;
	return other_maps(err);
}

bool prepare_wants_netns(const struct root *root, const struct contexe_spec *cs)
{
	/* who joins a user namespace has no maps yet, and its network belongs there */
	return root->privileged && !root->in_userns && !cs->spec.linux_.n_uid_mappings &&
	       !joined(&cs->spec, "user") && !listed(&cs->share, "network") &&
	       !joined(&cs->spec, "network");
}

int prepare_joins(const struct root *root, struct spec *s, struct error *err)
{
	struct spec_linux *l = &s->linux_;
	for (size_t i = 0; i < s->contexe.join.n; i++) {
		struct container *other CLEANUP_CONTAINER = NULL;
		const struct ns_kind *kind;
		int r = open_joined(root, s->contexe.join.v[i], &other, &kind, err);
		if (r < 0)
			return r;
		char *path = arena_printf(&s->arena, "/proc/%d/ns/%s", other->init.pid, kind->file);
		bool user = str_eq(kind->type, "user");
		if (user && ns_is_ours(path, kind) != !l->n_uid_mappings)
			return other_maps(err);
		if (user && !l->n_uid_mappings)
			continue; /* it has no maps: it is in the user namespace that we are in */
		struct spec_namespace *ns = arena_push(&s->arena, l->namespaces, l->n_namespaces);
		ns->type = arena_strdup(&s->arena, kind->type);
		ns->path = path;
	}
	const struct spec_namespace *user = spec_namespace_find(s, "user");
	return user && user->path ? check_joined_maps(s, user->path, err) : 0;
}

/* ---- mounts ---- */

static unsigned depth(const char *path)
{
	unsigned n = 0;
	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

/* The defaults, then the user's, outer directories before inner ones; the user's replace a default. */
static void order_mounts(struct spec *s, const struct spec_mount *mine, size_t n_mine)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_mounts; i++) {
		bool replaced = false;
		for (size_t k = 0; k < n_mine; k++)
			replaced =
				replaced || str_eq(mine[k].destination, s->mounts[i].destination);
		if (!replaced)
			s->mounts[kept++] = s->mounts[i];
	}
	struct spec_mount *all = arena_alloc(&s->arena, (kept + n_mine) * sizeof(*all));
	if (kept)
		memcpy(all, s->mounts, kept * sizeof(*all));
	size_t n = kept;
	for (size_t k = 0; k < n_mine; k++) {
		size_t at = n++;
		for (; at > kept && depth(all[at - 1].destination) > depth(mine[k].destination);
		     at--)
			all[at] = all[at - 1];
		all[at] = mine[k];
	}
	s->mounts = all;
	s->n_mounts = n;
}

static bool is_mapped(const struct spec_idmap *map, size_t n, uint32_t host_id)
{
	for (size_t i = 0; i < n; i++)
		if (host_id >= map[i].host_id && host_id - map[i].host_id < map[i].size)
			return true;
	return n == 0;
}

/* Whether who builds the container may make a file in /etc. In a user namespace he has no power over what
 * belongs to ids that it does not have. */
static bool can_make_in_etc(const struct spec *s)
{
	const struct spec_linux *l = &s->linux_;
	char path[4096];
	struct stat st;
	if (!s->contexe.overlay || s->root_readonly)
		return false;
	(void)snprintf(path, sizeof(path), "%s/etc", s->root_path);
	if (stat(path, &st) < 0 && stat(s->root_path, &st) < 0)
		return false;
	if (s->contexe.idmap)
		return true; /* root's inside, or of somebody whom root inside is above */
	return is_mapped(l->uid_mappings, l->n_uid_mappings, st.st_uid) &&
	       is_mapped(l->gid_mappings, l->n_gid_mappings, st.st_gid);
}

/* A small file of ours over one of the image, if the image has it or can get it. */
static int add_file(struct spec *s, struct container *c, const char *name, const char *inside,
		    const char *text, struct error *err)
{
	struct stat st;
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s%s", s->root_path, inside);
	if (lstat(path, &st) < 0 && !can_make_in_etc(s))
		return 0;
	int r = file_replace(c->dir, name, 0644, text, strlen(text));
	if (r < 0)
		return error_sys(err, -r, "cannot write the container's %s file", name);
	CLEANUP_STR char *source = xasprintf("%s/containers/%s/%s", c->root->path, c->name, name);
	default_mount(s, inside, "bind", source,
		      (const char *const[]){ "bind", "nosuid", "nodev", "noexec",
					     s->contexe.idmap ? "idmap" : NULL, NULL });
	return 0;
}

static int add_identity_files(struct spec *s, struct container *c, struct error *err)
{
	if (!c || !s->hostname)
		return 0;
	CLEANUP_STR char *hostname = xasprintf("%s\n", s->hostname);
	CLEANUP_STR char *hosts =
		xasprintf("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
			  "127.0.1.1\t%s\n",
			  s->hostname);
	int r = add_file(s, c, "hostname", "/etc/hostname", hostname, err);
	return r < 0 ? r : add_file(s, c, "hosts", "/etc/hosts", hosts, err);
}

static int prepare_mounts(const struct root *root, struct contexe_spec *cs, struct container *c,
			  struct error *err)
{
	struct spec *s = &cs->spec;
	struct spec_mount *mine = s->mounts;
	size_t n_mine = s->n_mounts;

	prepare_volumes(root, s);
	s->mounts = NULL;
	s->n_mounts = 0;
	default_mounts(s, !listed(&cs->share, "ipc"),
		       cs->shm_size ? cs->shm_size : DEFAULT_SHM_SIZE,
		       str_eq(s->contexe.rootfs, "host"),
		       s->contexe.delegate || s->contexe.privileged, s->contexe.privileged);
	int r = add_identity_files(s, c, err);
	if (r == 0)
		order_mounts(s, mine, n_mine);
	return r;
}

/* ---- walls ---- */

/* Names are looked up inside, later; all but root's own are taken for an ordinary user's. */
static bool is_root(const char *user)
{
	size_t n = user ? strcspn(user, ":") : 0;
	return !user || (n == 4 && !strncmp(user, "root", n)) || strspn(user, "0") == n;
}

/* What was asked for by name must be there; of the default ones, those that we have ourselves. */
static int insist_on_caps(const struct contexe_spec *cs, struct error *err)
{
	for (size_t i = 0; i < cs->caps_add.n; i++) {
		int n = capability_number(cs->caps_add.v[i]);
		int r = n < 0 ? 0 : security_caps_insist(&cs->spec, 1ULL << n, err);
		if (r < 0)
			return error_object(err, "--cap-add %s", cs->caps_add.v[i]);
	}
	return 0;
}

static int prepare_caps(struct contexe_spec *cs, struct error *err)
{
	struct spec *s = &cs->spec;
	uint32_t uid = s->process.user.uid;
	int r = 0;
	if (!is_root(cs->user))
		s->process.user.uid = UINT32_MAX; /* what is added by name must survive execve(2) */
	if (s->contexe.privileged)
		security_all_caps(s);
	else
		security_default_caps(s);
	for (size_t i = 0; i < cs->caps_add.n && r == 0; i++)
		if (str_eq(cs->caps_add.v[i], "ALL"))
			r = security_caps_add(s, "ALL", err);
	for (size_t i = 0; i < cs->caps_drop.n && r == 0; i++)
		r = security_caps_drop(s, cs->caps_drop.v[i], err);
	for (size_t i = 0; i < cs->caps_add.n && r == 0; i++)
		if (!str_eq(cs->caps_add.v[i], "ALL"))
			r = security_caps_add(s, cs->caps_add.v[i], err);
	s->process.user.uid = uid;
	return r < 0 ? r : insist_on_caps(cs, err);
}

static int prepare_seccomp(struct contexe_spec *cs, struct error *err)
{
	if (cs->no_seccomp || (cs->spec.contexe.privileged && !cs->seccomp_file))
		return 0;
	if (!cs->seccomp_file) {
		cs->spec.contexe.default_seccomp = true;
		return 0;
	}
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, cs->seccomp_file, 4 << 20, &text);
	if (r < 0)
		error_sys(err, -r, "cannot read the seccomp profile");
	else
		r = security_seccomp_load(&cs->spec, buf_str(&text), text.len, err);
	if (r < 0 && err && err->object[0]) { /* a place in the profile */
		CLEANUP_STR char *place = xstrdup(err->object);
		(void)snprintf(err->object, sizeof(err->object), "%s: %s", cs->seccomp_file, place);
	}
	return r < 0 ? error_object(err, "%s", cs->seccomp_file) : 0;
}

static void prepare_masks(struct contexe_spec *cs)
{
	struct spec *s = &cs->spec;
	struct strings mine = s->linux_.masked_paths;
	s->linux_.masked_paths = (struct strings){ 0 };
	if (!s->contexe.privileged && !cs->no_masks)
		default_masks(s);
	struct strings *lists[] = { &s->linux_.masked_paths, &s->linux_.readonly_paths };
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		size_t kept = 0;
		for (size_t i = 0; i < lists[k]->n; i++)
			if (!listed(&cs->unmask, lists[k]->v[i]))
				lists[k]->v[kept++] = lists[k]->v[i];
		lists[k]->n = kept;
	}
	for (size_t i = 0; i < mine.n; i++)
		strings_add(&s->arena, &s->linux_.masked_paths, mine.v[i]);
	if (!s->contexe.proc_view)
		s->contexe.proc_view = "auto";
}

static void prepare_devices(const struct root *root, struct spec *s)
{
	struct spec_resources *r = &s->linux_.resources;
	struct spec_device_rule *mine = r->devices;
	size_t n_mine = r->n_devices;
	r->devices = NULL;
	r->n_devices = 0;
	/* in a user namespace no device can be made, and those mounted in are the caller's choice */
	if (s->contexe.privileged || s->linux_.n_uid_mappings || !root->privileged ||
	    root->in_userns || cgroup_layout() == CGROUP_NONE)
		return;
	default_device_rules(s);
	for (size_t i = 0; i < n_mine; i++)
		*arena_push(&s->arena, r->devices, r->n_devices) = mine[i];
}

static void prepare_limits(struct spec *s)
{
	if (!s->linux_.resources.pids_limit.set && cgroup_has_controller("pids"))
		s->linux_.resources.pids_limit = (struct opt_i64){ true, DEFAULT_PIDS_LIMIT };
}

/* ---- program ---- */

static void prepare_environment(struct contexe_spec *cs)
{
	struct spec *s = &cs->spec;
	struct strings image = s->process.env;
	s->process.env = (struct strings){ 0 };
	prepare_env(s, "PATH=" DEFAULT_PATH);
	prepare_env(s, "container=contexe");
	if (s->hostname)
		prepare_env(s, arena_printf(&s->arena, "HOSTNAME=%s", s->hostname));
	if (s->process.terminal)
		prepare_env(s, arena_printf(&s->arena, "TERM=%s",
					    getenv("TERM") ? getenv("TERM") : "xterm"));
	for (size_t i = 0; i < image.n; i++)
		prepare_env(s, image.v[i]);
	for (size_t i = 0; i < cs->env.n; i++)
		prepare_env(s, cs->env.v[i]);
}

static int prepare_program(struct contexe_spec *cs, struct error *err)
{
	struct spec *s = &cs->spec;
	if (cs->entrypoint && !cs->image && *cs->entrypoint)
		strings_add(&s->arena, &s->process.args, cs->entrypoint);
	if (!cs->image)
		for (size_t i = 0; i < cs->command.n; i++)
			strings_add(&s->arena, &s->process.args, cs->command.v[i]);
	if (!s->process.args.n) {
		error_set(err, EINVAL, "no command was given%s",
			  cs->image ? ", and the image names none" : "");
		return error_hint(err, "put it last: contexe run -- COMMAND [ARGUMENT...]");
	}
	if (cs->user)
		s->process.user.username = cs->user;
	if (cs->workdir)
		s->process.cwd = cs->workdir;
	if (!s->process.cwd)
		s->process.cwd = "/";
	prepare_environment(cs);
	return 0;
}

/* ---- root ---- */

static int prepare_root(const struct root *root, struct contexe_spec *cs, struct container *c,
			struct error *err)
{
	struct spec *s = &cs->spec;
	if ((cs->image != NULL) + (s->root_path != NULL) + cs->host > 1) {
		error_set(err, EINVAL, "more than one root file system is named");
		return error_hint(err, "give one of --host, --rootfs and --image");
	}
	if (cs->image)
		return prepare_image(root, cs, c, err);
	prepare_idmap(root, s, s->root_path ? s->root_path : "/");
	if (s->root_path) {
		s->contexe.rootfs = "dir";
		return 0;
	}
	bool userns = s->linux_.n_uid_mappings || !root->privileged || root->in_userns;
	return hostroot_apply(root, s, userns, err);
}

int prepare_spec(const struct root *root, struct contexe_spec *cs, struct container *c,
		 struct error *err)
{
	struct spec *s = &cs->spec;

	s->oci_version = "1.2.0";
	if (!s->hostname && !listed(&cs->share, "uts") && !joined(s, "uts"))
		s->hostname = c ? arena_strdup(&s->arena, c->name) : cs->name ? cs->name : "cont_N";
	int r = prepare_namespaces(root, cs, c, err);
	if (r == 0)
		r = prepare_root(root, cs, c, err);
	if (r == 0)
		r = prepare_program(cs, err);
	if (r == 0)
		r = prepare_mounts(root, cs, c, err);
	if (r == 0)
		r = prepare_caps(cs, err);
	if (r == 0)
		r = prepare_seccomp(cs, err);
	if (r < 0)
		return r;
	prepare_masks(cs);
	prepare_devices(root, s);
	prepare_limits(s);
	return spec_check(s, err);
}
