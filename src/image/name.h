/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - names of images: "redis:7", "quay.io:443/team/app:v1". In the store a name always has its tag
 * ("redis" is "redis:latest") and Docker Hub's own prefix is left out ("docker.io/library/redis:7" is
 * "redis:7").
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

#define IMAGE_NAME_SIZE 224 /* the longest name with its NUL */
#define IMAGE_FILE_SIZE 240 /* the same as a file name; leaves room for a temporary suffix */

/* Checks a name and writes the form of the store to buf (IMAGE_NAME_SIZE). 0 or -EINVAL. */
int image_name_normalise(const char *name, char *buf, struct error *err) NODISCARD;

/* A name made from the file or directory that is imported: "/srv/My App.tar.gz" is "my-app:latest"; with
 * a tag that was found inside (NULL or no valid one: "latest") "my-app:TAG". Never fails. */
void image_name_from_path(const char *path, const char *tag, char *buf);

/* The name for what an image calls itself inside. A word alone is a tag, as OCI layouts have it: the rest
 * comes from the path. 0 or -EINVAL. */
int image_name_from_inside(const char *inside, const char *path, char *buf) NODISCARD;

/* The file below tags/ that holds a normalised name ('/' as "%2F"), and back. buf: IMAGE_FILE_SIZE and
 * IMAGE_NAME_SIZE. The way back is -EINVAL for what is no such file name. */
void image_name_to_file(const char *name, char *buf);
int image_name_from_file(const char *file, char *buf) NODISCARD;

/* How well a normalised name answers what a user typed; the best wins. */
enum image_match {
	IMAGE_MATCH_NONE,
	IMAGE_MATCH_REPOSITORY, /* "redis" typed, "quay.io/a/redis:7" there */
	IMAGE_MATCH_SUFFIX,	/* "redis:7" typed, "quay.io/a/redis:7" there */
	IMAGE_MATCH_EXACT,
};
enum image_match image_name_match(const char *name, const char *typed);
