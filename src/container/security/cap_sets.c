/* SPDX-License-Identifier: Apache-2.0 */
/* cap_sets.c - the five capability sets of a spec: made, edited by name, and turned into masks. */
#include "container/security/parts.h"

#include <ctype.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/parse.h"

#define BIT(n) (UINT64_C(1) << (n))

/* What a service needs that starts as root and becomes somebody else, and no more. */
static const uint64_t default_caps = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
				     BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) |
				     BIT(CAP_SETFCAP) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
				     BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);

static void list_add(struct arena *a, struct strings *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcasecmp(list->v[i], name))
			return;
	strings_add(a, list, name);
}

static void list_drop(struct strings *list, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->n; i++)
		if (strcasecmp(list->v[i], name) != 0)
			list->v[kept++] = list->v[i];
	list->n = kept;
}

static void add_privileged(struct spec *spec, const char *name)
{
	struct spec_caps *caps = &spec->process.caps;
	list_add(&spec->arena, &caps->bounding, name);
	list_add(&spec->arena, &caps->permitted, name);
	list_add(&spec->arena, &caps->effective, name);
}

static void set_mask(struct spec *spec, uint64_t mask)
{
	spec->process.caps = (struct spec_caps){ 0 };
	spec->process.has_caps = true;
	for (int i = 0; i < 64; i++)
		if ((mask & BIT(i)) && capability_name(i))
			add_privileged(spec, capability_name(i));
}

void security_default_caps(struct spec *spec)
{
	set_mask(spec, default_caps);
}

void security_all_caps(struct spec *spec)
{
	set_mask(spec, capability_mask_all());
}

/* How many single-letter edits make b of a: to guess what a misspelt name was meant to be. */
static unsigned edit_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned row[MAX + 1];
	size_t nb = strnlen(b, MAX);
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < nb; j++) {
			unsigned change = diagonal + (toupper((unsigned char)a[i]) != b[j]);
			diagonal = row[j + 1];
			row[j + 1] = MIN(change, MIN(diagonal, row[j]) + 1);
		}
	}
	return row[nb];
}

static int unknown_name(const char *name, struct error *err)
{
	const char *stem = strncasecmp(name, "CAP_", 4) ? name : name + 4;
	const char *best = NULL;
	unsigned best_distance = 4;
	for (int i = 0; strlen(stem) < 64 && capability_name(i); i++) {
		unsigned d = edit_distance(stem, capability_name(i) + 4);
		if (d < best_distance) {
			best_distance = d;
			best = capability_name(i);
		}
	}
	error_set(err, EINVAL, "there is no capability \"%.64s\"", name);
	if (best)
		return error_hint(err, "did you mean %s? capabilities(7) lists them all", best);
	return error_hint(err, "capabilities(7) lists them: CAP_CHOWN, CAP_NET_ADMIN, ...");
}

int security_caps_add(struct spec *spec, const char *name, struct error *err)
{
	struct spec_process *proc = &spec->process;
	proc->has_caps = true;
	if (!strcasecmp(name, "ALL")) {
		uint64_t all = capability_mask_all();
		for (int i = 0; i < 64; i++)
			if ((all & BIT(i)) && capability_name(i))
				add_privileged(spec, capability_name(i));
		return 0;
	}
	int n = capability_number(name);
	if (n < 0)
		return unknown_name(name, err);
	add_privileged(spec, capability_name(n));
	if (proc->user.uid != 0) {
		list_add(&spec->arena, &proc->caps.inheritable, capability_name(n));
		list_add(&spec->arena, &proc->caps.ambient, capability_name(n));
	}
	return 0;
}

int security_caps_drop(struct spec *spec, const char *name, struct error *err)
{
	struct spec_caps *caps = &spec->process.caps;
	spec->process.has_caps = true;
	if (!strcasecmp(name, "ALL")) {
		*caps = (struct spec_caps){ 0 };
		return 0;
	}
	int n = capability_number(name);
	if (n < 0)
		return unknown_name(name, err);
	struct strings *lists[] = { &caps->bounding, &caps->effective, &caps->inheritable,
				    &caps->permitted, &caps->ambient };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_drop(lists[i], capability_name(n));
	return 0;
}

int caps_mask(const struct strings *list, const char *pointer, uint64_t *ret, struct error *err)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < list->n; i++) {
		int n = capability_number(list->v[i]);
		if (n < 0) {
			unknown_name(list->v[i], err);
			return error_object(err, "%s/%zu", pointer, i);
		}
		mask |= BIT(n);
	}
	*ret = mask;
	return 0;
}

/* The capabilities that a child made by the caller can have. */
static int caps_available(const struct spec *spec, uint64_t *ret_bounding, uint64_t *ret_permitted,
			  struct error *err)
{
	/* user_namespaces(7): a full set, whoever makes it. Maps alone: it is joined, and not filled in yet */
	if (spec_namespace_find(spec, "user") || spec->linux_.n_uid_mappings) {
		*ret_bounding = *ret_permitted = capability_mask_all();
		return 0;
	}
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data) < 0)
		return error_sys(err, errno, "cannot read the capabilities of this process");
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	*ret_bounding = 0;
	for (int i = 0, held; i < 64 && (held = prctl(PR_CAPBSET_READ, i, 0, 0, 0)) >= 0; i++)
		if (held)
			*ret_bounding |= BIT(i);
	return 0;
}

/* capset(2) and prctl(2) would answer EPERM to these, without saying to what. */
static int check_subset(uint64_t set, uint64_t of, const char *set_name, const char *of_name,
			struct error *err)
{
	uint64_t extra = set & ~of;
	if (!extra)
		return 0;
	error_set(err, EINVAL, "%s is %s but not %s", capability_name(__builtin_ctzll(extra)),
		  set_name, of_name);
	error_hint(err, "add it to \"%s\" too, or take it out of \"%s\"", of_name, set_name);
	return error_object(err, "/process/capabilities/%s", set_name);
}

static int parse_sets(const struct spec_caps *caps, struct security *ret, struct error *err)
{
	const struct {
		const struct strings *list;
		const char *pointer;
		uint64_t *mask;
	} sets[] = {
		{ &caps->bounding, "/process/capabilities/bounding", &ret->cap_bounding },
		{ &caps->permitted, "/process/capabilities/permitted", &ret->cap_permitted },
		{ &caps->effective, "/process/capabilities/effective", &ret->cap_effective },
		{ &caps->inheritable, "/process/capabilities/inheritable", &ret->cap_inheritable },
		{ &caps->ambient, "/process/capabilities/ambient", &ret->cap_ambient },
	};
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		int r = caps_mask(sets[i].list, sets[i].pointer, sets[i].mask, err);
		if (r < 0)
			return r;
	}
	int r = check_subset(ret->cap_effective, ret->cap_permitted, "effective", "permitted", err);
	if (r < 0)
		return r;
	return check_subset(ret->cap_inheritable, ret->cap_bounding, "inheritable", "bounding",
			    err);
}

int caps_prepare(const struct spec *spec, struct security *ret, struct error *err)
{
	uint64_t bounding = 0, permitted = 0;
	int r = parse_sets(&spec->process.caps, ret, err);
	if (r == 0)
		r = caps_available(spec, &bounding, &permitted, err);
	if (r < 0)
		return r;
	ret->cap_missing = (ret->cap_bounding & ~bounding) | (ret->cap_permitted & ~permitted) |
			   (ret->cap_inheritable & ~(bounding & permitted));
	ret->cap_bounding &= bounding;
	ret->cap_permitted &= permitted;
	ret->cap_effective &= permitted;
	ret->cap_inheritable &= bounding & permitted;
	/*
	 * The kernel keeps ambient within both; other runtimes let such a spec pass, so we do too.
	 */
	ret->cap_ambient &= ret->cap_permitted & ret->cap_inheritable;
	return 0;
}

int security_caps_require(const struct security *sec, uint64_t wanted, struct error *err)
{
	uint64_t missing = wanted & sec->cap_missing;
	if (!missing)
		return 0;
	char list[200];
	size_t len = 0;
	for (int i = 0; i < 64; i++)
		if ((missing & BIT(i)) && len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						len ? ", " : "", capability_name(i));
	error_set(err, EPERM, "this system cannot give %s: %s", list,
		  (missing & ~capability_mask_all()) ? "the kernel does not know it"
						     : "the caller does not have it itself");
	return error_hint(
		err, "leave it out, or use a user namespace, where every capability is at hand");
}

int security_caps_insist(const struct spec *spec, uint64_t wanted, struct error *err)
{
	struct security sec = { 0 };
	int r = caps_prepare(spec, &sec, err);
	return r < 0 ? r : security_caps_require(&sec, wanted, err);
}
