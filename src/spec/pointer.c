/* SPDX-License-Identifier: Apache-2.0 */
/* pointer.c - see pointer.h. */
#include "spec/pointer.h"

void pointer_add_key(struct buf *out, const char *key)
{
	buf_putc(out, '/');
	for (; *key; key++) {
		unsigned char c = (unsigned char)*key;
		if (c == '~')
			buf_puts(out, "~0");
		else if (c == '/')
			buf_puts(out, "~1");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
	}
}

void pointer_add_index(struct buf *out, size_t index)
{
	buf_printf(out, "/%zu", index);
}

void pointer_print(const struct pointer *at, struct buf *out)
{
	if (!at)
		return;
	pointer_print(at->up, out);
	if (at->key)
		pointer_add_key(out, at->key);
	else
		pointer_add_index(out, at->index);
}

void pointer_error(const struct pointer *at, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	pointer_print(at, &text);
	(void)error_object(err, "%s", buf_str(&text));
}
