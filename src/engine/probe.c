/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - what this machine offers, through contexe.h. The table is sys/features. */
#include <stdlib.h>

#include "base/buf.h"
#include "engine/handle.h"
#include "sys/features.h"

int contexe_probe(struct contexe *cx, struct contexe_feature **ret, size_t *ret_n,
		  struct contexe_error *err)
{
	(void)cx;
	(void)err;
	struct features features = { 0 };
	struct contexe_feature *out = xcalloc(FEATURE_COUNT, sizeof(*out));
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at((enum feature_id)i);
		struct feature_answer a = features_ask(&features, (enum feature_id)i);
		out[i] = (struct contexe_feature){
			.key = f->key,
			.title = f->title,
			.used_for = f->used_for,
			.without = f->without,
			.since = f->since,
			.state = feature_state_name(a.state),
			.present = a.state == FEATURE_YES,
			.err = a.err,
		};
	}
	*ret = out;
	*ret_n = FEATURE_COUNT;
	return 0;
}

void contexe_features_free(struct contexe_feature *f)
{
	free(f);
}
