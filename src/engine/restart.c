/* SPDX-License-Identifier: Apache-2.0 */
/* restart.c - see restart.h. */
#include "engine/restart.h"

#include <string.h>

#include "base/parse.h"
#include "base/timestamp.h"

#define FIRST_DELAY 100000000ULL
#define LAST_DELAY  60000000000ULL
#define LONG_LIFE   10000000000ULL

static const char *const names[] = {
	[RESTART_NO] = "no",
	[RESTART_ALWAYS] = "always",
	[RESTART_ON_FAILURE] = "on-failure",
	[RESTART_UNLESS_STOPPED] = "unless-stopped",
};

const char *restart_name(enum restart_policy policy)
{
	return names[policy];
}

int restart_parse(const char *text, enum restart_policy *ret, unsigned *ret_max, struct error *err)
{
	uint64_t max = 0;
	size_t n = strcspn(text, ":");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) != n || strncmp(text, names[i], n))
			continue;
		if (text[n] &&
		    (i != RESTART_ON_FAILURE || parse_u64(text + n + 1, 0, 1000000, &max) < 0))
			break;
		*ret = (enum restart_policy)i;
		*ret_max = (unsigned)max;
		return 0;
	}
	error_set(err, EINVAL, "not a restart policy");
	error_object(err, "%s", text);
	return error_hint(err, "no, always, on-failure, on-failure:N or unless-stopped");
}

void restart_init(struct restart *r, const struct spec *spec)
{
	*r = (struct restart){ .delay = FIRST_DELAY };
	if (spec->contexe.restart &&
	    restart_parse(spec->contexe.restart, &r->policy, &r->max, NULL) < 0)
		r->policy = RESTART_NO;
	if (spec->contexe.restart_max.set)
		r->max = (unsigned)spec->contexe.restart_max.v;
}

bool restart_wanted(struct restart *r, int wait_status, uint64_t started, uint64_t *ret_delay)
{
	if (r->policy == RESTART_NO || (r->policy == RESTART_ON_FAILURE && wait_status == 0))
		return false;
	if (timestamp_now() - started > LONG_LIFE) {
		r->count = 0;
		r->delay = FIRST_DELAY;
	}
	if (r->policy == RESTART_ON_FAILURE && r->max && r->count >= r->max)
		return false;
	r->count++;
	*ret_delay = r->delay;
	r->delay = MIN(r->delay * 2, LAST_DELAY);
	return true;
}
