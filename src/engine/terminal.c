/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.c - see terminal.h. */
#include "engine/terminal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

void terminal_raw(int fd, struct terminal *ret)
{
	*ret = TERMINAL_NONE;
	struct termios t;
	if (tcgetattr(fd, &t) < 0)
		return;
	ret->saved = t;
	cfmakeraw(&t);
	if (tcsetattr(fd, TCSANOW, &t) == 0)
		ret->fd = fd;
}

void terminal_restore(struct terminal *t)
{
	if (t->fd >= 0)
		(void)tcsetattr(t->fd, TCSADRAIN, &t->saved);
	t->fd = -EBADF;
}

int terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_cols)
{
	struct winsize w;
	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return -errno;
	*ret_rows = w.ws_row;
	*ret_cols = w.ws_col;
	return 0;
}

int keys_parse(const char *text, struct keys *ret, struct error *err)
{
	struct keys k = { 0 };
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ",");
		int c = -1;
		if (n == 1)
			c = (unsigned char)*p;
		else if (n == 6 && !strncasecmp(p, "ctrl-", 5) &&
			 (isalpha((unsigned char)p[5]) || strchr("@[\\]^_", p[5])))
			c = toupper((unsigned char)p[5]) & 0x1f;
		if (c < 0 || k.n == sizeof(k.seq)) {
			error_set(err, EINVAL, "not a sequence of keys");
			error_object(err, "%s", text);
			return error_hint(
				err,
				"single characters or ctrl-x, separated by commas: ctrl-p,ctrl-q");
		}
		k.seq[k.n++] = (unsigned char)c;
		p += n;
		if (*p == ',' && *++p == '\0')
			return error_set(err, EINVAL, "a key is missing at the end of '%s'", text);
	}
	*ret = k;
	return 0;
}

bool keys_filter(struct keys *k, const unsigned char *in, size_t n, unsigned char *out,
		 size_t *ret_n)
{
	size_t o = 0;
	for (size_t i = 0; i < n; i++) {
		if (k->n && in[i] == k->seq[k->matched]) {
			if (++k->matched == k->n) {
				k->matched = 0;
				*ret_n = o;
				return true;
			}
			continue;
		}
		memcpy(out + o, k->seq, k->matched); /* held back, but it was no match */
		o += k->matched;
		k->matched = 0;
		if (k->n && in[i] == k->seq[0] && k->n > 1)
			k->matched = 1;
		else
			out[o++] = in[i];
	}
	*ret_n = o;
	return false;
}
