/* SPDX-License-Identifier: Apache-2.0 */
/* pidname.c - see pidname.h. */
#include "proc/pidname.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define INODE_PREFIX "ns:"

static int parse_space(const char *text, struct pidname *ret)
{
	if (str_has_prefix(text, INODE_PREFIX)) {
		ret->space = PIDNAME_INODE;
		return parse_u64(text + strlen(INODE_PREFIX), 1, UINT64_MAX, &ret->value);
	}
	if (text[strspn(text, "0123456789")] == '\0') {
		ret->space = PIDNAME_NUMBER;
		return parse_u64(text, 0, UINT32_MAX, &ret->value);
	}
	if (!parse_is_name(text, PIDNAME_CONTAINER_MAX))
		return -EINVAL;
	ret->space = PIDNAME_CONTAINER;
	memcpy(ret->container, text, strlen(text)); /* its length is checked, the rest is zero */
	return 0;
}

int pidname_parse(const char *text, struct pidname *ret)
{
	char copy[PIDNAME_SIZE];
	size_t len = strlen(text);
	bool brackets = len >= 2 && text[0] == '<' && text[len - 1] == '>';
	if (brackets) {
		text++;
		len -= 2;
	}
	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	char *bar = strchr(copy, '|');
	if (!bar)
		return -EINVAL;
	*bar = '\0';
	struct pidname name = { 0 };
	uint64_t vpid;
	if (parse_space(copy, &name) < 0 || parse_u64(bar + 1, 1, INT_MAX, &vpid) < 0)
		return -EINVAL;
	name.vpid = (pid_t)vpid;
	*ret = name;
	return 0;
}

const char *pidname_format(const struct pidname *name, char *buf)
{
	switch (name->space) {
	case PIDNAME_NUMBER:
		(void)snprintf(buf, PIDNAME_SIZE, "<%" PRIu64 "|%d>", name->value, name->vpid);
		break;
	case PIDNAME_INODE:
		(void)snprintf(buf, PIDNAME_SIZE, "<" INODE_PREFIX "%" PRIu64 "|%d>", name->value,
			       name->vpid);
		break;
	case PIDNAME_CONTAINER:
		(void)snprintf(buf, PIDNAME_SIZE, "<%s|%d>", name->container, name->vpid);
		break;
	case PIDNAME_UNKNOWN:
		(void)snprintf(buf, PIDNAME_SIZE, "<?|%d>", name->vpid);
		break;
	}
	return buf;
}
