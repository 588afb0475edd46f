/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - spec -> plan. See plan.h. The file tree part is in plan_rootfs.c. */
#include "container/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "base/parse.h"
#include "container/ns/ns.h"
#include "container/plan_idmap.h"
#include "container/plan_rootfs.h"
#include "sys/clone3.h"

void plan_done(struct plan *p)
{
	plan_close_mapped(p);
	arena_done(&p->arena);
}

static int plan_namespaces(struct plan *p, struct error *err)
{
	const struct spec_linux *l = &p->spec->linux_;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct ns_kind *kind = ns_find(l->namespaces[i].type);
		if (!kind) {
			error_set(err, EINVAL, "no such namespace type '%s'",
				  l->namespaces[i].type);
			return error_object(err, "/linux/namespaces/%zu/type", i);
		}
		if (l->namespaces[i].path)
			p->joins[p->n_joins++] = (struct plan_join){
				.flag = kind->flag,
				.type = kind->type,
				.path = l->namespaces[i].path,
			};
		if (l->namespaces[i].path && kind->flag == CLONE_NEWUSER)
			p->joins_user = true;
		if (!l->namespaces[i].path)
			p->unshare |= kind->flag;
		if (p->n_joins == ARRAY_SIZE(p->joins))
			break;
	}
	p->own_pidns = (p->unshare & CLONE_NEWPID) != 0;
	p->has_time_offsets = l->monotonic.secs.set || l->monotonic.nanosecs.set ||
			      l->boottime.secs.set || l->boottime.nanosecs.set;
	return 0;
}

static char **string_vector(struct arena *a, const struct strings *list)
{
	char **v = arena_alloc(a, (list->n + 1) * sizeof(char *));
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(char *));
	return v;
}

int plan_make(const struct spec *spec, const struct plan_context *ctx, struct plan *ret,
	      struct error *err)
{
	struct plan p = { .spec = spec, .init_path = ctx->init_path };

	p.argv = string_vector(&p.arena, &spec->process.args);
	p.envp = string_vector(&p.arena, &spec->process.env);
	p.cwd = spec->process.cwd ? spec->process.cwd : "/";
	p.user = spec->process.user.username;
	int r = plan_namespaces(&p, err);
	/* contexe-init is pid 1 or nothing: in a shared pid space another one reaps */
	p.own_init = !str_eq(spec->contexe.init, "none") && p.own_pidns;
	if (r == 0)
		r = security_prepare(spec, ctx->cache_dir, &p.arena, &p.security, err);
	if (ns_setgroups_denied(&spec->linux_))
		p.security.set_groups = false;
	if (r == 0)
		r = plan_rootfs(&p, ctx, err);
	if (r < 0) {
		plan_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

static void print_strings(struct buf *out, const char *title, char *const *v)
{
	buf_printf(out, "%s", title);
	for (; *v; v++)
		buf_printf(out, " %s", *v);
	buf_putc(out, '\n');
}

void plan_print(const struct plan *p, struct buf *out)
{
	const struct spec *s = p->spec;
	const struct spec_linux *l = &s->linux_;

	buf_puts(out, "namespaces, new:");
	for (size_t i = 0; i < NS_KINDS; i++)
		if (p->unshare & ns_kinds[i].flag)
			buf_printf(out, " %s", ns_kinds[i].type);
	buf_putc(out, '\n');
	for (size_t i = 0; i < p->n_joins; i++)
		buf_printf(out, "join %s namespace %s\n", p->joins[i].type, p->joins[i].path);
	for (size_t i = 0; i < l->n_uid_mappings; i++)
		buf_printf(out, "map uids %u.. to %u.. (%u)\n", l->uid_mappings[i].container_id,
			   l->uid_mappings[i].host_id, l->uid_mappings[i].size);
	for (size_t i = 0; i < l->n_gid_mappings; i++)
		buf_printf(out, "map gids %u.. to %u.. (%u)\n", l->gid_mappings[i].container_id,
			   l->gid_mappings[i].host_id, l->gid_mappings[i].size);
	if (s->hostname)
		buf_printf(out, "host name %s\n", s->hostname);
	buf_printf(out, "root %s%s%s%s\n", p->rootfs.root ? p->rootfs.root : "-",
		   p->rootfs.overlay ? " (overlay)" : "", p->rootfs.readonly ? " read-only" : "",
		   s->contexe.idmap ? ", its files with the container's ids" : "");
	for (size_t i = 0; i < p->rootfs.n_lower; i++)
		buf_printf(out, "  layer %s\n", p->rootfs.lower[i]);
	if (p->rootfs.upper)
		buf_printf(out, "  writes go to %s\n", p->rootfs.upper);
	for (size_t i = 0; i < p->rootfs.n_submounts; i++)
		buf_printf(out, "  mounted below: %s\n", p->rootfs.submounts[i]);
	for (size_t i = 0; i < p->rootfs.n_ops; i++) {
		mount_op_print(&p->rootfs.ops[i], out);
		if (out->len && out->data[out->len - 1] != '\n')
			buf_putc(out, '\n');
	}
	buf_printf(out, "pid 1: %s\n", p->own_init ? p->init_path : "the program itself");
	buf_puts(out, "capabilities:");
	for (int c = 0; c < 64; c++)
		if (p->security.cap_bounding & (1ULL << c))
			buf_printf(out, " %s", capability_name(c) ? capability_name(c) : "?");
	buf_printf(out, "\nno new privileges: %s\nseccomp: %u instructions\n",
		   p->security.no_new_privs ? "yes" : "no", p->security.filter_len);
	if (p->user)
		buf_printf(out, "user %s\n", p->user);
	else
		buf_printf(out, "uid %u gid %u\n", p->security.uid, p->security.gid);
	buf_printf(out, "working directory %s\n", p->cwd);
	print_strings(out, "environment", p->envp);
	print_strings(out, "execute", p->argv);
}
