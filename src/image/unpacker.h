/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpacker.h - runs contexe-unpack, which reads the archive (hostile input) confined, and hears what it says.
 *
 * The helper writes below tmp/<work>/ only: layers in <algorithm>/<hex>/, and image.json. Its standard
 * output is lines:
 *     work NAME                         its directory below tmp/; comes first
 *     progress LAYER LAYERS DONE TOTAL  bytes of the layer's blob (LAYERS 0: of the archive itself)
 *     note TEXT                         what people should know
 *     name NAME                         a name of the image found inside; any number of them
 *     result ID                         all is there; comes last
 *     error ERRNO WHAT\tOBJECT\tWHY\tHINT
 * Nothing it says is trusted: numbers are bounded, names and digests are checked, and the import looks at
 * what it takes over.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "image/store.h"

struct unpacked {
	struct arena arena;
	char work[64];	      /* below tmp/; "" when the helper did not come that far */
	char id[65];	      /* "" unless it succeeded */
	struct strings names; /* as found, not checked */
};

/*
 * Runs the helper to its end. rootless: no devices, no owners, user.* xattrs. name: which image, when there
 * are several; may be NULL. On failure ret->work still tells what to clean up; the helper is gone in any
 * case. ret->arena is the caller's. 0 or -errno, the helper's own error passed on.
 */
int unpacker_run(const char *store_dir, const char *path, const char *name, bool rootless,
		 image_progress_fn *progress, void *progress_arg, struct unpacked *ret,
		 struct error *err) NODISCARD;
