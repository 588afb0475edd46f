/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_compile.c - the rules of a spec to BPF, by libseccomp. seccomp_init(3),
 * seccomp_rule_add(3).
 */
#include "container/security/seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define MAX_ARGS 6

static void release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

int seccomp_archs(const struct spec_seccomp *sc, struct archs *ret, struct error *err)
{
	*ret = (struct archs){ .token = { seccomp_arch_native() }, .n = 1 };
	for (size_t i = 0; i < sc->architectures.n; i++) {
		uint32_t token;
		size_t j = 0;
		if (seccomp_arch(sc->architectures.v[i], &token, err) < 0)
			return error_object(err, "/linux/seccomp/architectures/%zu", i);
		while (j < ret->n && ret->token[j] != token)
			j++;
		if (j < ret->n)
			continue;
		if (ret->n == SECCOMP_MAX_ARCHS) {
			error_set(err, E2BIG, "more than %d architectures", SECCOMP_MAX_ARCHS);
			return error_object(err, "/linux/seccomp/architectures");
		}
		ret->token[ret->n++] = token;
	}
	return 0;
}

static int add_archs(scmp_filter_ctx ctx, const struct archs *archs, struct error *err)
{
	for (size_t i = 1; i < archs->n; i++) {
		int r = seccomp_arch_add(ctx, archs->token[i]);
		if (r < 0) {
			error_set(
				err, EINVAL,
				"libseccomp cannot combine this architecture with the native one");
			return error_object(err, "/linux/seccomp/architectures: %#x",
					    archs->token[i]);
		}
	}
	return 0;
}

static int add(scmp_filter_ctx ctx, uint32_t action, const char *name,
	       const struct scmp_arg_cmp *args, unsigned n_args, struct error *err)
{
	int nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR)
		return 0; /* the prologue's */
	int r = seccomp_rule_add_array(ctx, action, nr, n_args, args);
	if (r == 0)
		return 0;
	if (r == -EEXIST) {
		error_set(err, EINVAL,
			  "\"%.64s\" has another rule with the same conditions and another action",
			  name);
		return error_hint(err, "leave one of the two");
	}
	return error_set(err, EINVAL, "libseccomp cannot express the rule for \"%.64s\" (error %d)",
			 name, -r);
}

/*
 * libseccomp takes one condition an argument, all of which must hold. Where a rule has two for one
 * argument, other runtimes make each condition a rule of its own, any of which is enough: so do we.
 */
static bool same_argument_twice(const struct spec_seccomp_rule *rule)
{
	unsigned seen = 0;
	for (size_t i = 0; i < rule->n_args; i++) {
		unsigned bit = 1u << rule->args[i].index;
		if (seen & bit)
			return true;
		seen |= bit;
	}
	return false;
}

static int translate_args(const struct spec_seccomp *sc, size_t rule_index, struct arena *arena,
			  struct scmp_arg_cmp **ret, struct error *err)
{
	const struct spec_seccomp_rule *rule = &sc->syscalls[rule_index];
	struct scmp_arg_cmp *to = arena_alloc(arena, MAX(rule->n_args, (size_t)1) * sizeof(*to));
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct spec_seccomp_arg *from = &rule->args[i];
		if (from->index >= MAX_ARGS) {
			error_set(err, EINVAL, "argument %llu: a system call has arguments 0 to 5",
				  (unsigned long long)from->index);
			return error_object(err, "/linux/seccomp/syscalls/%zu/args/%zu/index",
					    rule_index, i);
		}
		int op = seccomp_operator(from->op, err);
		if (op < 0)
			return error_object(err, "/linux/seccomp/syscalls/%zu/args/%zu/op",
					    rule_index, i);
		to[i] = (struct scmp_arg_cmp){
			.arg = (unsigned)from->index,
			.op = (enum scmp_compare)op,
			.datum_a = from->value,
			.datum_b = from->value_two,
		};
	}
	*ret = to;
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t default_action, const struct spec_seccomp *sc,
		    size_t index, struct arena *scratch, struct error *err)
{
	const struct spec_seccomp_rule *rule = &sc->syscalls[index];
	uint32_t action;
	struct scmp_arg_cmp *args;
	if (seccomp_action(rule->action, &rule->errno_ret, &action, err) < 0)
		return error_object(err, "/linux/seccomp/syscalls/%zu/action", index);
	int r = translate_args(sc, index, scratch, &args, err);
	if (r < 0 || action == default_action)
		return r;
	bool any = same_argument_twice(rule);
	for (size_t i = 0; r == 0 && i < rule->names.n; i++) {
		if (!any)
			r = add(ctx, action, rule->names.v[i], args, (unsigned)rule->n_args, err);
		for (size_t j = 0; any && r == 0 && j < rule->n_args; j++)
			r = add(ctx, action, rule->names.v[i], &args[j], 1, err);
	}
	if (r < 0)
		error_object(err, "/linux/seccomp/syscalls/%zu", index);
	return r;
}

static int add_rules(scmp_filter_ctx ctx, const struct spec_seccomp *sc, uint32_t default_action,
		     struct error *err)
{
	CLEANUP_ARENA struct arena scratch = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sc->n_syscalls; i++)
		r = add_rule(ctx, default_action, sc, i, &scratch, err);
	return r;
}

/* Appends what libseccomp makes of ctx: seccomp_export_bpf_mem() came only with 2.6. */
static int export(scmp_filter_ctx ctx, struct buf *out, struct error *err)
{
	CLEANUP_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot make a memfd for the seccomp filter");
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return error_set(err, -r,
				 "libseccomp cannot make a filter of the profile (error %d)", -r);
	off_t size = lseek(fd, 0, SEEK_END);
	void *map = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (map == MAP_FAILED)
		return error_sys(err, size > 0 ? errno : EIO,
				 "cannot read back the seccomp filter");
	buf_add(out, map, (size_t)size);
	(void)munmap(map, (size_t)size);
	return 0;
}

static int build(const struct spec_seccomp *sc, const struct archs *archs, uint32_t default_action,
		 struct buf *out, struct error *err)
{
	CLEANUP(release) scmp_filter_ctx ctx = seccomp_init(default_action);
	if (!ctx)
		return error_set(err, ENOMEM, "libseccomp cannot start a filter");
	/*
	 * An architecture that the profile does not speak of: the process dies as a whole, rather
	 * than one thread of it. Level 2 is a binary tree over the numbers instead of a chain.
	 */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
		return error_set(err, ENOTSUP, "libseccomp is older than 2.5");
	int r = add_archs(ctx, archs, err);
	if (r == 0)
		r = add_rules(ctx, sc, default_action, err);
	if (r == 0)
		r = seccomp_prologue(sc, archs, default_action, out, err);
	if (r == 0)
		r = export(ctx, out, err);
	if (r == 0)
		seccomp_shrink(out);
	return r;
}

int seccomp_compile(const struct spec_seccomp *sc, const struct archs *archs, struct arena *arena,
		    struct filter *ret, struct error *err)
{
	CLEANUP_BUF struct buf program = BUF_INIT;
	uint32_t default_action;
	if (seccomp_action(sc->default_action, &sc->default_errno_ret, &default_action, err) < 0)
		return error_object(err, "/linux/seccomp/defaultAction");
	int r = build(sc, archs, default_action, &program, err);
	if (r < 0)
		return r;
	size_t len = program.len / sizeof(struct sock_filter);
	if (len > BPF_MAXINSNS) {
		error_set(err, E2BIG, "the filter has %zu instructions, the kernel takes %d", len,
			  BPF_MAXINSNS);
		error_hint(err, "use fewer rules, or fewer architectures");
		return error_object(err, "/linux/seccomp/syscalls");
	}
	struct sock_filter *insn = arena_alloc(arena, program.len);
	memcpy(insn, program.data, program.len);
	*ret = (struct filter){ .insn = insn, .len = (unsigned short)len };
	return 0;
}
