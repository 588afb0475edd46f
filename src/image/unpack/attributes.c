/* SPDX-License-Identifier: Apache-2.0 */
/* attributes.c - see attributes.h. */
#include "image/unpack/attributes.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/xattr.h>

#include "base/parse.h"

enum policy {
	TAKE,
	TAKE_AS_ROOT,
	DROP,
	DROP_TOLD,
};

/* The first prefix that fits decides; what is not named is dropped. */
static const struct {
	const char *prefix;
	enum policy policy;
} policies[] = {
	{ "user.overlay.", DROP },
	{ "trusted.overlay.", DROP },
	{ "security.capability", TAKE },
	{ "user.", TAKE },
	{ "trusted.", TAKE_AS_ROOT },
	{ "system.posix_acl_access", TAKE },
	/* would be handed down to the files that are unpacked after */
	{ "system.posix_acl_default", DROP_TOLD },
};

static enum policy policy_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		if (str_has_prefix(name, policies[i].prefix))
			return policies[i].policy;
	}
	return DROP;
}

/* Missing privilege, a file system without them, an id without a mapping, or nonsense in the value. */
static bool is_tolerable(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EPERM || errnum == EINVAL || errnum == ENOSYS;
}

int attributes_apply(int fd, struct archive_entry *e, bool rootless, uint64_t *left_out)
{
	const char *name;
	const void *value;
	size_t size;

	if (archive_entry_xattr_reset(e) == 0)
		return 0;
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		enum policy policy = policy_of(name);
		if (policy == DROP || (policy == TAKE_AS_ROOT && rootless))
			continue;
		if (policy != DROP_TOLD && fsetxattr(fd, name, value, size, 0) == 0)
			continue;
		if (policy != DROP_TOLD && !is_tolerable(errno))
			return -errno;
		++*left_out;
	}
	return 0;
}
