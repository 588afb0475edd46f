/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relocate.h - a container's spec, written down below one state directory, as another container below another one needs
 * it: the same paths, elsewhere. On another machine the layer that hides its secrets is made anew.
 */
#pragma once

#include "base/error.h"
#include "engine/container.h"
#include "spec/spec.h"

/*
 * was: the directory of the container that was written down (ROOT/containers/NAME); c: the one that is to have this spec.
 * 0, or -errno with err: ENOENT, naming it, when a layer of an image is not in this state directory.
 */
int relocate(struct spec *spec, const char *was, const struct container *c, struct error *err)
	NODISCARD;
