/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.c - who a thread is and what it may do: user and group ids, supplementary groups, capability sets, securebits,
 * no_new_privs. credentials(7), capabilities(7). Every thread has its own. Ids are those of the thread's own user namespace: it
 * is asked, since /proc tells them as its reader sees them.
 *
 * The order of restoring is given by what each step needs and takes away:
 *   securebits       that ids have nothing to do with capabilities
 *   bounding set     only ever shrinks; needs CAP_SETPCAP
 *   groups, gids, uids
 *   inheritable set, then ambient set: it can only have what is permitted and inheritable, and all is permitted still
 *   securebits       as they were; needs CAP_SETPCAP for the last time
 *   capability sets  as they were, but for CAP_SYS_ADMIN where filters follow (privileges.h)
 *   no_new_privs
 */
#include "checkpoint/kind/task_kind.h"

#include <errno.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/syscall.h>

#include "checkpoint/kind/idmap.h"
#include "checkpoint/kind/privileges.h"
#include "container/security/security.h"

#define MAX_GROUPS 65536
#define N_CAPS	   64

struct credentials_record {
	uint32_t ruid, euid, suid, fsuid;
	uint32_t rgid, egid, sgid, fsgid;
	struct u64s groups;
	uint32_t foreign_groups; /* how many more it had that do not exist in its user namespace */
	uint64_t inheritable, permitted, effective, bounding, ambient;
	uint32_t securebits;
	bool no_new_privs;
	bool late; /* CAP_SYS_ADMIN stays until filters are installed */
};

static const struct field credentials_fields[] = {
	FIELD(struct credentials_record, ruid, U32, .optional = true),
	FIELD(struct credentials_record, euid, U32, .optional = true),
	FIELD(struct credentials_record, suid, U32, .optional = true),
	FIELD(struct credentials_record, fsuid, U32, .optional = true),
	FIELD(struct credentials_record, rgid, U32, .optional = true),
	FIELD(struct credentials_record, egid, U32, .optional = true),
	FIELD(struct credentials_record, sgid, U32, .optional = true),
	FIELD(struct credentials_record, fsgid, U32, .optional = true),
	FIELD(struct credentials_record, groups, U64S, .optional = true, .max = MAX_GROUPS),
	FIELD(struct credentials_record, foreign_groups, U32, .optional = true),
	FIELD(struct credentials_record, inheritable, U64, .optional = true),
	FIELD(struct credentials_record, permitted, U64, .optional = true),
	FIELD(struct credentials_record, effective, U64, .optional = true),
	FIELD(struct credentials_record, bounding, U64, .optional = true),
	FIELD(struct credentials_record, ambient, U64, .optional = true),
	FIELD(struct credentials_record, securebits, U32, .optional = true),
	FIELD(struct credentials_record, no_new_privs, BOOL, .optional = true),
	FIELD(struct credentials_record, late, BOOL, .optional = true),
	FIELDS_END,
};

struct cookie {
	uint64_t uids, gids; /* uint32_t [3] each */
	uint64_t fsuid, fsgid, groups, n_groups, securebits;
};

/* How many there may be: the line in status has them as its reader sees them, and as many. */
static size_t groups_room(const char *status)
{
	const char *at = strstr(status, "\nGroups:");
	size_t n = 0;
	for (at = at ? at + 8 : ""; *at && *at != '\n'; at++)
		n += *at == ' ' || *at == '\t';
	return n + 1;
}

static int credentials_ask(const struct task_facts *t, struct program *visit, void *data)
{
	struct cookie *c = data;
	const uint64_t nobody = UINT64_MAX;
	size_t room = groups_room(t->status);
	c->uids = program_data(visit, NULL, 3 * sizeof(uint32_t));
	c->gids = program_data(visit, NULL, 3 * sizeof(uint32_t));
	c->groups = program_data(visit, NULL, room * sizeof(uint32_t));
	program_what(visit, "ask for the user and group ids");
	program_call(visit, SYS_getresuid, c->uids, c->uids + 4, c->uids + 8);
	program_call(visit, SYS_getresgid, c->gids, c->gids + 4, c->gids + 8);
	/* an id that is none is not taken, and the old one told */
	program_call(visit, SYS_setfsuid, nobody)->want = WANT_ANY;
	c->fsuid = program_result(visit);
	program_call(visit, SYS_setfsgid, nobody)->want = WANT_ANY;
	c->fsgid = program_result(visit);
	program_call(visit, SYS_getgroups, room, c->groups);
	c->n_groups = program_result(visit);
	program_what(visit, "ask for the securebits");
	program_call(visit, SYS_prctl, PR_GET_SECUREBITS);
	c->securebits = program_result(visit);
	return 0;
}

/* A thread can be of an id that its user namespace does not have: no call leads there again. */
static bool refuse_foreign(struct collect *c, const struct task_facts *t, const struct idmap *map,
			   const uint32_t *ids, size_t n, const char *object)
{
	for (size_t i = 0; i < n; i++)
		if (!idmap_has(map, ids[i])) {
			(void)collect_refuse(
				c, t->pid, object,
				"it does not exist in the user namespace of the process",
				"map the id, or end the process");
			return true;
		}
	return false;
}

static void groups_note(struct collect *c, const struct idmap *gids, const uint32_t *asked,
			size_t n, struct credentials_record *rec)
{
	rec->groups = (struct u64s){ arena_alloc(c->arena, (n + 1) * sizeof(uint64_t)), 0 };
	for (size_t i = 0; i < n; i++)
		if (idmap_has(gids, asked[i]))
			rec->groups.v[rec->groups.n++] = asked[i];
		else
			rec->foreign_groups++;
}

static int credentials_collect(struct collect *c, const struct task_facts *t,
			       const struct program *visit, const void *data, void *record,
			       bool *ret_none, struct error *err)
{
	const struct cookie *cookie = data;
	struct credentials_record *rec = record;
	struct privileges p;
	struct idmap uids, gids;
	int r = privileges_parse(t->status, &p);
	if (r == 0)
		r = idmap_read(c->proc, t->pid, "uid_map", c->arena, &uids);
	if (r == 0)
		r = idmap_read(c->proc, t->pid, "gid_map", c->arena, &gids);
	if (r < 0)
		return error_sys(err, -r, "cannot read the credentials of a thread");
	const uint32_t *u = program_at(visit, cookie->uids), *g = program_at(visit, cookie->gids);
	*rec = (struct credentials_record){
		.ruid = u[0],
		.euid = u[1],
		.suid = u[2],
		.fsuid = (uint32_t)task_answer(visit, cookie->fsuid),
		.rgid = g[0],
		.egid = g[1],
		.sgid = g[2],
		.fsgid = (uint32_t)task_answer(visit, cookie->fsgid),
		.inheritable = p.inheritable,
		.permitted = p.permitted,
		.effective = p.effective,
		.bounding = p.bounding,
		.ambient = p.ambient,
		.securebits = (uint32_t)task_answer(visit, cookie->securebits),
		.no_new_privs = p.no_new_privs,
		.late = privileges_late(&p),
	};
	groups_note(c, &gids, program_at(visit, cookie->groups),
		    (size_t)task_answer(visit, cookie->n_groups), rec);
	*ret_none = false;
	if (!refuse_foreign(c, t, &uids, &rec->ruid, 4, "a user id of the process"))
		(void)refuse_foreign(c, t, &gids, &rec->rgid, 4, "a group id of the process");
	return 0;
}

static void bounding_emit(struct emit *e, uint64_t bounding)
{
	program_what(e->p, "drop a capability from the bounding set");
	for (uint64_t cap = 0; cap < N_CAPS; cap++) {
		bool kept = bounding & UINT64_C(1) << cap;
		if (kept) /* one that we were not given cannot be had */
			continue;
		struct step *s = program_call(e->p, SYS_prctl, PR_CAPBSET_DROP, cap);
		s->want = WANT_OK_OR;
		s->value = -EINVAL; /* this kernel does not have it */
	}
	program_what(e->p, "have a capability in the bounding set");
	for (uint64_t cap = 0; cap < N_CAPS; cap++)
		if (bounding & UINT64_C(1) << cap) {
			struct step *s = program_call(e->p, SYS_prctl, PR_CAPBSET_READ, cap);
			s->want = WANT_EQUAL;
			s->value = 1;
		}
}

static void groups_emit(struct emit *e, const struct credentials_record *rec)
{
	/* without privileges on the machine nobody can choose groups that are not mapped; they are ours anyway */
	if (e->userns && rec->foreign_groups && !rec->groups.n)
		return;
	uint64_t v = program_data(e->p, NULL, (rec->groups.n + 1) * sizeof(uint32_t));
	uint32_t *groups = program_at(e->p, v);
	for (size_t i = 0; i < rec->groups.n; i++)
		groups[i] = (uint32_t)rec->groups.v[i];
	program_what(e->p, "set the groups");
	struct step *s = program_call(e->p, SYS_setgroups, rec->groups.n, v);
	if (e->userns) { /* "deny" in /proc/PID/setgroups */
		s->want = WANT_OK_OR;
		s->value = -EPERM;
	}
}

/* setfsuid(2) and setfsgid(2) never fail: asking again tells. */
static void fsid_emit(struct emit *e, uint32_t nr, uint32_t id)
{
	program_call(e->p, nr, id)->want = WANT_ANY;
	struct step *s = program_call(e->p, nr, UINT64_MAX);
	s->want = WANT_EQUAL;
	s->value = id;
}

static void ids_emit(struct emit *e, const struct credentials_record *rec)
{
	program_what(e->p, "set the group ids");
	program_call(e->p, SYS_setresgid, rec->rgid, rec->egid, rec->sgid);
	if (rec->fsgid != rec->egid)
		fsid_emit(e, SYS_setfsgid, rec->fsgid);
	program_what(e->p, "set the user ids");
	program_call(e->p, SYS_setresuid, rec->ruid, rec->euid, rec->suid);
	if (rec->fsuid != rec->euid)
		fsid_emit(e, SYS_setfsuid, rec->fsuid);
}

static void ambient_emit(struct emit *e, uint64_t ambient)
{
	program_what(e->p, "set the ambient capabilities");
	program_call(e->p, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	for (uint64_t cap = 0; cap < N_CAPS; cap++)
		if (ambient & UINT64_C(1) << cap)
			program_call(e->p, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
}

/*
 * contexe-init was given all that its machine had, and uses what every machine's root has: here it gets what there
 * is. Anybody else has what it had, or nothing is restored.
 */
static int fit(const struct emit *e, struct credentials_record *rec, struct error *err)
{
	uint64_t missing = (rec->permitted | rec->inheritable | rec->bounding) & e->lacking;
	if (!missing)
		return 0;
	if (e->vpid != 1 || !e->own_init) {
		const char *name = capability_name(__builtin_ctzll(missing));
		error_set(err, EPERM, "it may %s %s, which nobody may here",
			  rec->permitted & missing ? "use" : "gain", name ? name : "a capability");
		return error_hint(err,
				  "restore with more privileges, or run the container without it "
				  "(--cap-drop)");
	}
	rec->permitted &= ~missing;
	rec->effective &= ~missing;
	rec->inheritable &= ~missing;
	rec->bounding &= ~missing;
	rec->ambient &= ~missing;
	return 0;
}

static int credentials_emit(struct emit *e, const void *record, struct error *err)
{
	struct credentials_record fitting = *(const struct credentials_record *)record;
	const struct credentials_record *rec = &fitting;
	int r = fit(e, &fitting, err);
	if (r < 0)
		return r;
	if (rec->ambient & ~(rec->inheritable & rec->permitted))
		return error_set(err, EBADMSG, "ambient capabilities that are not inheritable");
	program_what(e->p, "set the securebits");
	program_call(e->p, SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	bounding_emit(e, rec->bounding);
	groups_emit(e, rec);
	ids_emit(e, rec);
	if (rec->ambient)
		privileges_emit_inheritable(e->p, rec->inheritable);
	ambient_emit(e, rec->ambient);
	program_what(e->p, "set the securebits");
	program_call(e->p, SYS_prctl, PR_SET_SECUREBITS, rec->securebits);
	uint64_t more = rec->late ? PRIVILEGES_ADMIN : 0;
	privileges_emit_caps(e->p, rec->effective | more, rec->permitted | more, rec->inheritable);
	program_what(e->p, "set no_new_privs");
	if (rec->no_new_privs)
		program_call(e->p, SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	return 0;
}

const struct task_kind task_kind_credentials = {
	.name = "credentials",
	.scope = SCOPE_THREAD,
	.phase = PHASE_CREDENTIALS,
	.fields = credentials_fields,
	.size = sizeof(struct credentials_record),
	.cookie = sizeof(struct cookie),
	.ask = credentials_ask,
	.collect = credentials_collect,
	.emit = credentials_emit,
};
