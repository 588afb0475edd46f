/* SPDX-License-Identifier: Apache-2.0 */
/* spec.c - see spec.h. The work is done by the tables (table_*.c) and schema_*.c. */
#include "spec/spec.h"

#include "base/parse.h"
#include "spec/schema.h"
#include "spec/tables.h"

void spec_done(struct spec *s)
{
	arena_done(&s->arena);
	*s = (struct spec){ 0 };
}

int spec_parse(const char *json, size_t size, struct spec *ret, struct error *err)
{
	struct spec s = { 0 };
	int r = schema_parse(&spec_schema, json, size, &s.arena, &s, err);
	if (r < 0) {
		spec_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void spec_print(const struct spec *s, struct buf *out)
{
	schema_print(&spec_schema, s, out);
}

int spec_resources_parse(const char *json, size_t size, struct arena *arena,
			 struct spec_resources *ret, struct error *err)
{
	return schema_parse(&resources_schema, json, size, arena, ret, err);
}

int spec_process_parse(const char *json, size_t size, struct arena *arena, struct spec_process *ret,
		       struct error *err)
{
	return schema_parse(&process_schema, json, size, arena, ret, err);
}

const struct spec_namespace *spec_namespace_find(const struct spec *s, const char *type)
{
	for (size_t i = 0; i < s->linux_.n_namespaces; i++)
		if (str_eq(s->linux_.namespaces[i].type, type))
			return &s->linux_.namespaces[i];
	return NULL;
}
