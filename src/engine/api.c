/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - handles and small things of contexe.h. */
#include <stdlib.h>

#include "base/fd.h"
#include "base/buf.h"
#include "container/cgroup/cgroup.h"
#include "container/security/security.h"
#include "engine/handle.h"
#include "sys/signame.h"

#ifndef CONTEXE_VERSION
#define CONTEXE_VERSION "0.0"
#endif

const char *contexe_error_line(const struct contexe_error *err, char *buf, size_t size)
{
	return error_line((const struct error *)err, buf, size);
}

int contexe_open(const char *root, struct contexe **ret, struct contexe_error *err)
{
	struct root *opened;
	int r = root_open(root, &opened, api_error(err));
	if (r < 0)
		return r;
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->root = opened;
	return 0;
}

void contexe_close(struct contexe *cx)
{
	if (!cx)
		return;
	root_close(cx->root);
	if (cx->control > 0)
		fd_close(cx->control);
	free(cx);
}

const char *contexe_root(const struct contexe *cx)
{
	return cx->root->path;
}

const char *contexe_version(void)
{
	return CONTEXE_VERSION;
}

struct contexe_spec *contexe_spec_new(void)
{
	struct contexe_spec *s = xcalloc(1, sizeof(*s));
	s->spec.process.no_new_privs = true;
	return s;
}

void contexe_spec_free(struct contexe_spec *spec)
{
	if (!spec)
		return;
	spec_done(&spec->spec);
	free(spec);
}

int contexe_spec_set_command(struct contexe_spec *spec, const char *const *argv,
			     struct contexe_error *err)
{
	if (argv[0] && !*argv[0])
		return error_set(api_error(err), EINVAL, "the command is empty");
	spec->command.n = 0;
	for (; *argv; argv++)
		strings_add(&spec->spec.arena, &spec->command, *argv);
	return 0;
}

const char *contexe_state_name(enum contexe_state state)
{
	static const char *const names[] = {
		[CONTEXE_CREATING] = "creating", [CONTEXE_CREATED] = "created",
		[CONTEXE_RUNNING] = "running",	 [CONTEXE_PAUSED] = "paused",
		[CONTEXE_EXITED] = "exited",	 [CONTEXE_BROKEN] = "broken",
	};
	return names[state];
}

const char *contexe_cgroup_layout(void)
{
	return cgroup_layout_name(cgroup_layout());
}

int contexe_signal_parse(const char *name)
{
	return signame_parse(name);
}

const char *contexe_signal_name(int sig, char *buf, size_t size)
{
	return signame_format(sig, buf, size);
}
