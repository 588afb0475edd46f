/* SPDX-License-Identifier: Apache-2.0 */
/* options_files.c - setters: the file tree. See options.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/parse.h"
#include "engine/defaults.h"
#include "engine/options.h"

#define ARENA(s) (&(s)->spec.arena)

int opt_host(struct contexe_spec *s, const char *value, struct error *err)
{
	return option_bool(value, &s->host, err);
}

int opt_rootfs(struct contexe_spec *s, const char *value, struct error *err)
{
	char real[PATH_MAX];
	struct stat st;
	if (!realpath(value, real) || stat(real, &st) < 0) {
		error_sys(err, errno, "cannot use it as root file system");
		return error_hint(err, "name a directory that holds one, with /bin and so on");
	}
	if (!S_ISDIR(st.st_mode)) {
		error_set(err, ENOTDIR, "it is no directory");
		return error_hint(err, "an archive is imported first: contexe image import FILE");
	}
	s->spec.root_path = arena_strdup(ARENA(s), real);
	return 0;
}

int opt_image(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!*value)
		return error_set(err, EINVAL, "an image needs a name");
	s->image = arena_strdup(ARENA(s), value);
	return 0;
}

int opt_read_only(struct contexe_spec *s, const char *value, struct error *err)
{
	return option_bool(value, &s->spec.root_readonly, err);
}

int opt_overlay(struct contexe_spec *s, const char *value, struct error *err)
{
	return option_bool(value, &s->spec.contexe.overlay, err);
}

/* SRC:DST[:a,b,c] */
int opt_volume(struct contexe_spec *s, const char *value, struct error *err)
{
	char *source = arena_strdup(ARENA(s), value), *options = NULL;
	char *destination = strchr(source, ':');
	if (destination) {
		*destination++ = '\0';
		options = strchr(destination, ':');
		if (options)
			*options++ = '\0';
	}
	if (!destination || !*source || destination[0] != '/') {
		error_set(err, EINVAL, "not of the form SRC:DST[:OPTIONS]");
		return error_hint(
			err, "DST is a path inside that begins with /: --volume ./data:/data:ro");
	}
	char real[PATH_MAX];
	if (!realpath(source, real)) {
		error_sys(err, errno, "cannot find what shall be shown inside");
		error_object(err, "%s", source);
		return error_hint(err, "make it first");
	}
	const char *list[32];
	size_t n = 0;
	list[n++] = "rbind";
	char *save = NULL;
	for (char *o = options ? strtok_r(options, ",", &save) : NULL;
	     o && n < ARRAY_SIZE(list) - 1; o = strtok_r(NULL, ",", &save))
		if (!str_eq(o, "z") && !str_eq(o, "Z") &&
		    !str_eq(o, "rw")) /* labels: done by mountLabel */
			list[n++] = str_eq(o, "ro") ? "rro" : o;
	list[n] = NULL;
	default_mount(&s->spec, destination, "bind", real, list);
	return 0;
}

int opt_tmpfs(struct contexe_spec *s, const char *value, struct error *err)
{
	char *destination = arena_strdup(ARENA(s), value);
	char *options = strchr(destination, ':');
	if (options)
		*options++ = '\0';
	if (destination[0] != '/')
		return error_set(err, EINVAL, "must begin with /");
	const char *list[32] = { "nosuid", "nodev" };
	size_t n = 2;
	char *save = NULL;
	for (char *o = options ? strtok_r(options, ",", &save) : NULL;
	     o && n < ARRAY_SIZE(list) - 1; o = strtok_r(NULL, ",", &save))
		list[n++] = o;
	list[n] = NULL;
	default_mount(&s->spec, destination, "tmpfs", "tmpfs", list);
	return 0;
}

int opt_device(struct contexe_spec *s, const char *value, struct error *err)
{
	char *source = arena_strdup(ARENA(s), value), *rest = strchr(source, ':'), *access = NULL;
	char *inside = source;
	if (rest) {
		*rest++ = '\0';
		if (*rest == '/') {
			inside = rest;
			access = strchr(rest, ':');
			if (access)
				*access++ = '\0';
		} else {
			access = rest;
		}
	}
	if (access && (!*access || strspn(access, "rwm") != strlen(access)))
		return error_set(err, EINVAL, "the access must be made of r, w and m");
	struct stat st;
	if (stat(source, &st) < 0)
		return error_sys(err, errno, "cannot find the device");
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) {
		error_set(err, ENODEV, "it is no device");
		return error_hint(err, "for a file or directory there is --volume");
	}
	const char *type = S_ISCHR(st.st_mode) ? "c" : "b";
	struct spec_linux *l = &s->spec.linux_;
	struct spec_device *d = arena_push(ARENA(s), l->devices, l->n_devices);
	*d = (struct spec_device){
		.type = arena_strdup(ARENA(s), type),
		.path = inside,
		.major = major(st.st_rdev),
		.minor = minor(st.st_rdev),
		.mode = { true, st.st_mode & 0777 },
		.uid = { true, st.st_uid },
		.gid = { true, st.st_gid },
	};
	device_rule(&s->spec, true, type, d->major, d->minor, access ? access : "rwm");
	return 0;
}

int opt_shm_size(struct contexe_spec *s, const char *value, struct error *err)
{
	uint64_t n;
	if (parse_size(value, &n) < 0 || n < 4096)
		return error_set(err, EINVAL, "not a size of at least 4k");
	s->shm_size = n;
	return 0;
}
