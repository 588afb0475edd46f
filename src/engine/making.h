/* SPDX-License-Identifier: Apache-2.0 */
/* making.h - a container's directory comes into being, and goes again when what follows fails: for run, create and lead. */
#pragma once

#include "engine/container.h"
#include "engine/handle.h"

/* Directory and configuration, locked; *ret is the caller's, on failure too where it is not NULL: making_undo() it. */
int making_begin(struct contexe *cx, struct contexe_spec *spec, struct container **ret,
		 struct error *err) NODISCARD;
/* What failed to start never existed. NULL is fine. */
void making_undo(struct container *c);
