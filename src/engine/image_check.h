/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_check.h - every checksum of an image, looked at by a process of its own while the container is made from it: before
 * any task of it runs, all is known to be as it was written, and nobody has waited longer for that than the other core
 * takes. (Not a thread: from here on processes are forked that must not believe they had any.)
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"
#include "checkpoint/image/image.h"

struct image_check {
	struct image *img;
	pid_t pid; /* 0: there is none */
	int from;  /* its struct error comes from here; FD_NONE: it has come */
	struct error err;
};
#define IMAGE_CHECK_NONE ((struct image_check){ .from = FD_NONE, .err = ERROR_INIT })

/* img stays open until image_check_wait(). Where no process is to be had the work is done at once. */
void image_check_start(struct image_check *c, struct image *img);
/*
 * arg: the check. 0, or -EBADMSG and other errors of image_verify() with err. Again: the same answer. Who shares our memory
 * and descriptors may call it, too.
 */
int image_check_wait(void *arg, struct error *err) NODISCARD;
/* By who started it. */
void image_check_done(struct image_check *c);
