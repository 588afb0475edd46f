/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.h - the descriptions (schema.h) of config.json's objects, for those who read or print one
 * of them alone. OCI runtime-spec 1.3: config.md, config-linux.md.
 */
#pragma once

#include "spec/schema.h"

/* table_spec.c */
extern const struct schema spec_schema;	   /* struct spec */
extern const struct schema contexe_schema; /* struct spec_contexe, ours */
/* table_process.c */
extern const struct schema process_schema; /* struct spec_process */
/* table_linux.c */
extern const struct schema linux_schema; /* struct spec_linux */
extern const struct schema idmap_schema; /* struct spec_idmap */
/* table_resources.c */
extern const struct schema resources_schema; /* struct spec_resources */
/* table_seccomp.c */
extern const struct schema seccomp_schema; /* struct spec_seccomp */
