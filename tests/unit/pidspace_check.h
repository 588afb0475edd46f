/* SPDX-License-Identifier: Apache-2.0 */
/* pidspace_check.h - pid translation asked and compared row by row; for the tests of pidspace. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proc/pidspace.h"

static inline struct pid_answer ask(const struct pidspaces *s, pid_t process, enum pid_kind kind,
				    pid_t context)
{
	struct pid_question q = { .process = process, .kind = kind, .context = { context, 0 } };
	struct pid_answer a = { 0 };
	struct error err = ERROR_INIT;
	assert_int_equal(pid_translate(s, &q, &a, &err), 0);
	return a;
}

struct expected {
	pid_t process, context;
	bool visible, crosses;
	pid_t vpid, kernel;
	const char *name;
};

static inline void check(const struct pidspaces *s, enum pid_kind kind, const struct expected *rows,
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct expected *e = &rows[i];
		struct pid_answer a = ask(s, e->process, kind, e->context);
		if (a.visible != e->visible || a.crosses != e->crosses || a.vpid != e->vpid ||
		    a.kernel_pid != e->kernel || strcmp(a.name, e->name) != 0)
			fail_msg("row %zu, %d in the context of %d: visible %d crosses %d vpid %d "
				 "kernel %d name %s",
				 i, e->process, e->context, a.visible, a.crosses, a.vpid,
				 a.kernel_pid, a.name);
	}
}
