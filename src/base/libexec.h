/* SPDX-License-Identifier: Apache-2.0 */
/* libexec.h - where contexe's own helper programs are (contexe-init, contexe-unpack). */
#pragma once

#include <stddef.h>

#include "base/compiler.h"

/*
 * Finds an executable helper by its file name and writes its absolute path to buf. Looked for, in order, in
 * the directory that the environment variable CONTEXE_LIBEXECDIR names (not heeded in a setuid program,
 * see secure_getenv(3)), beside the running executable, and where it was installed (the build's
 * CONTEXE_LIBEXECDIR). 0, -ENOENT (in none of them), -EINVAL (not a file name) or -ENAMETOOLONG.
 */
int libexec_find(const char *program, char *buf, size_t size) NODISCARD;
