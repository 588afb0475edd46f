/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seccomp_profile.c - profiles in JSON, docker's and OCI's: what they come to here, and what
 * is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "bpf_judge.h"
#include "container/security/security.h"

#define NATIVE seccomp_arch_native() /* equals the audit architecture on all but x32 */

static struct security compile(struct spec *spec, const char *json)
{
	load_profile(spec, json);
	return prepare_in(spec, NULL, &spec->arena);
}

static void test_oci(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct security sec = compile(
		&spec, "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 13,"
		       " \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\"],"
		       " \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\", \"SECCOMP_FILTER_FLAG_TSYNC\"],"
		       " \"syscalls\": [{\"names\": [\"read\", \"no_such_call\"], \"action\": "
		       "\"SCMP_ACT_ALLOW\"}]}");
	assert_int_equal(sec.seccomp_flags, SECCOMP_FILTER_FLAG_LOG);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_I386, 3, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, SYS_write, 0), SECCOMP_RET_ERRNO | EACCES);
	/* newer than anything that the profile names: libc must be able to fall back */
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, 435, 0), RET_ENOSYS);
	/* x32 is not in the list */
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, 0x40000000, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, 0x40000000 | 450, 0),
			 SECCOMP_RET_KILL_PROCESS);
}

/* Whoever kills by default means it, for new calls too; whoever allows, allows. */
static void test_default_actions(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct security sec = compile(&spec, "{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\"}");
	assert_int_equal(JUDGE(&sec, NATIVE, 435, 0), SECCOMP_RET_KILL_PROCESS);
	sec = compile(&spec, "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
	assert_int_equal(JUDGE(&sec, NATIVE, 9999, 0), SECCOMP_RET_ALLOW);
	sec = compile(&spec,
		      "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"ENOSYS\"}");
	assert_int_equal(JUDGE(&sec, NATIVE, 0, 0), RET_ENOSYS);
	/* none given: as the other runtimes */
	assert_int_equal(sec.seccomp_flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

/* Calls that an old libseccomp does not know by name. */
static void test_unknown_to_libseccomp(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct security sec = compile(
		&spec, "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": ["
		       "{\"names\": [\"mseal\", \"setxattrat\"], \"action\": \"SCMP_ACT_ERRNO\"},"
		       "{\"names\": [\"listns\"], \"action\": \"SCMP_ACT_KILL_PROCESS\", \"args\": "
		       "[{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}]}");
	assert_int_equal(JUDGE(&sec, NATIVE, 461, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, 462, 0), RET_EPERM);
	assert_int_equal(JUDGE(&sec, NATIVE, 463, 0), RET_EPERM);
	assert_int_equal(JUDGE(&sec, NATIVE, 464, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, 470, 1), SECCOMP_RET_KILL_PROCESS);
	/* and where an allowance hangs on arguments that cannot be looked at, there is none */
	sec = compile(
		&spec,
		"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"listns\"], "
		"\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": "
		"\"SCMP_CMP_EQ\"}]}]}");
	assert_int_equal(JUDGE(&sec, NATIVE, 470, 1), RET_EPERM);
	assert_int_equal(JUDGE(&sec, NATIVE, 471, 1), RET_ENOSYS);
}

static void test_arguments(void **state)
{
	(void)state;
	static const struct {
		const char *op;
		uint64_t yes, no;
	} cases[] = {
		{ "SCMP_CMP_EQ", 100, 101 }, { "SCMP_CMP_NE", 101, 100 },
		{ "SCMP_CMP_LT", 99, 100 },  { "SCMP_CMP_LE", 100, 101 },
		{ "SCMP_CMP_GE", 100, 99 },  { "SCMP_CMP_GT", 1ULL << 40, 100 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_SPEC struct spec spec = { 0 };
		char json[300];
		(void)snprintf(json, sizeof(json),
			       "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"name\": "
			       "\"close\", "
			       "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, "
			       "\"value\": 100, \"op\": "
			       "\"%s\"}]}]}",
			       cases[i].op);
		struct security sec = compile(&spec, json);
		assert_int_equal(JUDGE(&sec, NATIVE, SYS_close, cases[i].yes), SECCOMP_RET_ALLOW);
		assert_int_equal(JUDGE(&sec, NATIVE, SYS_close, cases[i].no), RET_EPERM);
	}
	/* two conditions on one argument: any; on two arguments: both */
	CLEANUP_SPEC struct spec spec = { 0 };
	struct security sec =
		compile(&spec, "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": "
			       "[\"close\"], \"action\": "
			       "\"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 3, "
			       "\"op\": \"SCMP_CMP_EQ\"}, "
			       "{\"index\": 0, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}]}, "
			       "{\"names\": [\"dup2\"], \"action\": "
			       "\"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 3, "
			       "\"op\": \"SCMP_CMP_EQ\"}, "
			       "{\"index\": 1, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}]}]}");
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_close, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_close, 5), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_close, 4), RET_EPERM);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_dup2, 3, 5), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_dup2, 3, 4), RET_EPERM);
}

/* How many rules a condition leaves of one. */
static size_t rules_left(const char *condition, const char *cap)
{
	CLEANUP_SPEC struct spec spec = { 0 };
	struct error err = ERROR_INIT;
	char json[400];
	security_default_caps(&spec);
	if (cap)
		assert_int_equal(security_caps_add(&spec, cap, &err), 0);
	(void)snprintf(json, sizeof(json),
		       "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": "
		       "[\"bpf\"], \"action\": "
		       "\"SCMP_ACT_ALLOW\", %s}]}",
		       condition);
	load_profile(&spec, json);
	return spec.linux_.seccomp.n_syscalls;
}

static void test_conditions(void **state)
{
	(void)state;
	assert_int_equal(rules_left("\"includes\": {\"caps\": [\"CAP_CHOWN\"]}", NULL), 1);
	assert_int_equal(rules_left("\"includes\": {\"caps\": [\"CAP_BPF\"]}", NULL), 0);
	assert_int_equal(rules_left("\"includes\": {\"caps\": [\"CAP_BPF\"]}", "BPF"), 1);
	assert_int_equal(
		rules_left("\"includes\": {\"caps\": [\"CAP_BPF\", \"CAP_SYS_ADMIN\"]}", "BPF"), 0);
	assert_int_equal(
		rules_left("\"excludes\": {\"caps\": [\"CAP_BPF\", \"CAP_SYS_ADMIN\"]}", "BPF"), 0);
	assert_int_equal(rules_left("\"excludes\": {\"caps\": [\"CAP_BPF\"]}", NULL), 1);
	assert_int_equal(rules_left("\"includes\": {\"arches\": [\"s390x\"]}", NULL), 0);
	assert_int_equal(rules_left("\"excludes\": {\"arches\": [\"s390x\"]}", NULL), 1);
#ifdef __x86_64__
	assert_int_equal(rules_left("\"includes\": {\"arches\": [\"arm64\", \"amd64\"]}", NULL), 1);
	assert_int_equal(rules_left("\"excludes\": {\"arches\": [\"amd64\"]}", NULL), 0);
#endif
	assert_int_equal(rules_left("\"includes\": {\"minKernel\": \"4.8\"}", NULL), 1);
	assert_int_equal(rules_left("\"includes\": {\"minKernel\": \"99.0\"}", NULL), 0);
	assert_int_equal(rules_left("\"excludes\": {\"minKernel\": \"4.8\"}", NULL), 0);
	assert_int_equal(
		rules_left(
			"\"includes\": {}, \"excludes\": null, \"args\": null, \"comment\": \"\"",
			NULL),
		1);
}

static void test_arch_map(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	load_profile(&spec,
		     "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"archMap\": ["
		     "{\"architecture\": \"SCMP_ARCH_OF_TOMORROW\", \"subArchitectures\": null},"
		     "{\"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": "
		     "[\"SCMP_ARCH_ARM\"]},"
		     "{\"architecture\": \"SCMP_ARCH_X86_64\", \"subArchitectures\": "
		     "[\"SCMP_ARCH_X86\"]}]}");
#ifdef __x86_64__
	const struct strings *archs = &spec.linux_.seccomp.architectures;
	assert_int_equal(archs->n, 2);
	assert_string_equal(archs->v[1], "SCMP_ARCH_X86");
#endif
}

#define ALLOW_ALL  "\"defaultAction\": \"SCMP_ACT_ALLOW\""
#define RULE(text) "{" ALLOW_ALL ", \"syscalls\": [{" text "}]}"

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *json, *object, *why;
	} cases[] = {
		{ "{}", "", "\"defaultAction\" is missing" },
		{ "{\"defaultAction\": \"SCMP_ACT_PERHAPS\"}", "/defaultAction",
		  "SCMP_ACT_PERHAPS" },
		{ "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 5000}",
		  "/defaultAction", "4095" },
		{ "{" ALLOW_ALL ", \"flags\": [\"FAST\"]}", "/linux/seccomp/flags/0", "FAST" },
		{ "{" ALLOW_ALL ", \"architectures\": [\"SCMP_ARCH_PDP11\"]}",
		  "/linux/seccomp/architectures/0", "PDP11" },
		{ "{" ALLOW_ALL
		  ", \"architectures\": [\"SCMP_ARCH_X86\"], \"archMap\": [{\"architecture\": "
		  "\"SCMP_ARCH_X86_64\"}]}",
		  "/archMap", "one of the two" },
		{ RULE("\"names\": [\"read\"], \"action\": \"NO\""), "/syscalls/0/action", "NO" },
		{ RULE("\"names\": [], \"action\": \"SCMP_ACT_LOG\""), "/syscalls/0",
		  "names no system call" },
		{ RULE("\"names\": [\"a\"], \"name\": \"b\", \"action\": \"SCMP_ACT_LOG\""),
		  "/syscalls/0", "both" },
		{ RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": "
		       "\"EHUH\""),
		  "/syscalls/0/errno", "EHUH" },
		{ RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\", \"args\": "
		       "[{\"index\": 0, \"value\": 0, "
		       "\"op\": \"EQ\"}]"),
		  "/syscalls/0/args/0/op", "EQ" },
		{ RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\", \"args\": "
		       "[{\"index\": 6, \"value\": 0, "
		       "\"op\": \"SCMP_CMP_EQ\"}]"),
		  "/syscalls/0/args/0/index", "" },
		{ RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\", \"includes\": "
		       "{\"caps\": [\"CAP_X\"]}"),
		  "/syscalls/0/includes/caps/0", "CAP_X" },
		{ RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\", \"excludes\": "
		       "{\"minKernel\": \"new\"}"),
		  "/syscalls/0/excludes/minKernel", "new" },
		{ RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\", \"includes\": "
		       "{\"cap\": []}"),
		  "/syscalls/0/includes/cap", "" },
		{ "{" ALLOW_ALL ", \"syscalls\": [{\"names\": [\"close\"], \"action\": "
		  "\"SCMP_ACT_LOG\", \"args\": "
		  "[{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}, {\"names\": "
		  "[\"close\"], \"action\": "
		  "\"SCMP_ACT_KILL\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": "
		  "\"SCMP_CMP_EQ\"}]}]}",
		  "/linux/seccomp/syscalls/1", "another action" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i].json, cases[i].object, cases[i].why);
}

/* A refused profile leaves the one that was there. */
static void test_kept_on_failure(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct error err = ERROR_INIT;
	static const char bad[] = "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": 3}";
	security_default_seccomp(&spec);
	size_t before = spec.linux_.seccomp.n_syscalls;
	assert_int_equal(security_seccomp_load(&spec, bad, strlen(bad), &err), -EINVAL);
	assert_string_equal(err.object, "/syscalls");
	assert_int_equal(spec.linux_.seccomp.n_syscalls, before);
	assert_string_equal(spec.linux_.seccomp.default_action, "SCMP_ACT_ERRNO");
}

/* Where the package of podman's profile is installed. */
static void test_podman_profile(void **state)
{
	(void)state;
	CLEANUP_BUF struct buf text = BUF_INIT;
	if (file_read(AT_FDCWD, "/usr/share/containers/seccomp.json", 4 << 20, &text) < 0)
		skip();
	CLEANUP_SPEC struct spec spec = { 0 };
	security_default_caps(&spec);
	struct security sec = compile(&spec, buf_str(&text));
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_getppid, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_bpf, 0), RET_EPERM);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_chroot, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, NATIVE, 480, 0), RET_ENOSYS);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_socket, AF_NETLINK, 3, 9),
			 SECCOMP_RET_ERRNO | EINVAL);
	assert_int_equal(JUDGE(&sec, NATIVE, SYS_socket, AF_INET, 1, 6), SECCOMP_RET_ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oci),
		cmocka_unit_test(test_default_actions),
		cmocka_unit_test(test_unknown_to_libseccomp),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_arch_map),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_kept_on_failure),
		cmocka_unit_test(test_podman_profile),
	};
	return cmocka_run_group_tests_name("seccomp profile", tests, NULL, NULL);
}
