/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - see image.h. */
#include "image/image.h"

void image_done(struct image *img)
{
	arena_done(&img->arena);
	*img = (struct image){ 0 };
}
