/* SPDX-License-Identifier: Apache-2.0 */
/* options_ids.c - setters: user namespaces and clocks. See options.h. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "engine/idrange.h"
#include "engine/options.h"

#define SECOND 1000000000u

static int add_map(struct contexe_spec *s, const char *value, struct spec_idmap **map, size_t *n,
		   struct error *err)
{
	char *text = arena_strdup(&s->spec.arena, value), *save = NULL;
	uint64_t v[3];
	size_t k = 0;
	for (char *p = strtok_r(text, ":", &save); p; p = strtok_r(NULL, ":", &save))
		if (k == 3 || parse_u64(p, 0, UINT32_MAX - 1, &v[k++]) < 0)
			k = 4;
	if (k != 3 || v[2] == 0) {
		error_set(err, EINVAL, "not of the form INSIDE:OUTSIDE:COUNT");
		return error_hint(err, "like 0:100000:65536");
	}
	struct spec_idmap *m = arena_grow(&s->spec.arena, map, n, sizeof(**map));
	*m = (struct spec_idmap){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2] };
	return 0;
}

int opt_uid_map(struct contexe_spec *s, const char *value, struct error *err)
{
	return add_map(s, value, &s->spec.linux_.uid_mappings, &s->spec.linux_.n_uid_mappings, err);
}

int opt_gid_map(struct contexe_spec *s, const char *value, struct error *err)
{
	return add_map(s, value, &s->spec.linux_.gid_mappings, &s->spec.linux_.n_gid_mappings, err);
}

/* Bare, =SIZE, or =false. */
int opt_auto_userns(struct contexe_spec *s, const char *value, struct error *err)
{
	uint64_t size = IDRANGE_SIZE;
	bool on = true;
	if (value && option_bool(value, &on, NULL) < 0 &&
	    parse_u64(value, 1, UINT32_MAX - 1, &size) < 0) {
		error_set(err, EINVAL, "not a number of ids");
		return error_hint(err, "--auto-userns, or with a size: --auto-userns=65536");
	}
	s->spec.contexe.auto_userns = (struct opt_u64){ on, on ? size : 0 };
	return 0;
}

/* "-1h30m": the kernel wants whole seconds, which may be negative, and nanoseconds, which may not. */
static int parse_offset(const char *text, struct spec_time_offset *ret)
{
	bool back = *text == '-';
	uint64_t ns;
	int r = parse_duration(text + (back || *text == '+'), &ns);
	if (r < 0 || ns > INT64_MAX)
		return r < 0 ? r : -ERANGE;
	int64_t secs = (int64_t)(ns / SECOND), rest = (int64_t)(ns % SECOND);
	if (back) {
		secs = -secs - (rest != 0);
		rest = rest ? SECOND - rest : 0;
	}
	ret->secs = (struct opt_i64){ true, secs };
	ret->nanosecs = (struct opt_u64){ true, (uint64_t)rest };
	return 0;
}

int opt_time_offset(struct contexe_spec *s, const char *value, struct error *err)
{
	struct spec_linux *l = &s->spec.linux_;
	const struct {
		const char *name;
		struct spec_time_offset *offset;
	} clocks[] = { { "monotonic=", &l->monotonic }, { "boottime=", &l->boottime } };
	char *text = arena_strdup(&s->spec.arena, value), *save = NULL;
	char *part = strtok_r(text, ",", &save);
	int r = part ? 0 : -EINVAL;
	for (; part && r == 0; part = strtok_r(NULL, ",", &save)) {
		r = -EINVAL;
		for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
			if (str_has_prefix(part, clocks[i].name))
				r = parse_offset(part + strlen(clocks[i].name), clocks[i].offset);
	}
	if (r == 0)
		return 0;
	error_set(err, EINVAL, "not of the form CLOCK=DURATION[,CLOCK=DURATION]");
	return error_hint(err, "the clocks are monotonic and boottime, a duration is like 1h30m or "
			       "-2.5s: monotonic=7d,boottime=7d");
}
