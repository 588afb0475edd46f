/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostroot.h - --host: the machine's own tree as the lowest layer of an overlay, with a layer of ours above
 * it that hides its secrets: whiteouts over files, opaque empty directories over directories. One overlay,
 * no mounts to undo from inside, nothing to pay at the start of a container.
 */
#pragma once

#include "base/error.h"
#include "engine/root.h"
#include "spec/spec.h"

/* Makes the hiding layer where it is missing and sets the spec's root to the host's tree under it. */
int hostroot_apply(const struct root *root, struct spec *spec, bool userns, struct error *err)
	NODISCARD;
