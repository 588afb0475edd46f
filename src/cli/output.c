/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - errors, JSON and tables for all commands. See cli.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cli/cli.h"

/* ---- JSON ---- */

/* Bytes of the UTF-8 character that begins here; 0: it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	static const struct {
		unsigned char mask, lead;
		unsigned least;
	} forms[] = {
		{ 0x80, 0, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
	};
	for (size_t k = 0; k < ARRAY_SIZE(forms) && k < n; k++) {
		if ((s[0] & forms[k].mask) != forms[k].lead)
			continue;
		unsigned code = s[0] & (unsigned char)~forms[k].mask;
		for (size_t i = 1; i <= k; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		bool bad = code < forms[k].least || code > 0x10ffff ||
			   (code >= 0xd800 && code < 0xe000);
		return bad ? 0 : k + 1;
	}
	return 0;
}

void json_bytes(struct buf *out, const char *s, size_t n)
{
	buf_putc(out, '"');
	for (const char *end = s + n; s < end; s++) {
		unsigned char c = (unsigned char)*s;
		size_t length = utf8_length((const unsigned char *)s, (size_t)(end - s));
		if (!length)
			buf_puts(out, "\\ufffd");
		else if (length > 1)
			buf_add(out, s, length);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '\t')
			buf_puts(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
		s += length > 1 ? length - 1 : 0;
	}
	buf_putc(out, '"');
}

void json_string(struct buf *out, const char *s)
{
	json_bytes(out, s, strlen(s));
}

void json_key(struct buf *out, const char *key)
{
	char last = out->len ? out->data[out->len - 1] : '{';
	if (last != '{' && last != '[')
		buf_putc(out, ',');
	json_string(out, key);
	buf_putc(out, ':');
}

void json_add(struct buf *out, const char *key, const char *value)
{
	json_key(out, key);
	if (value)
		json_string(out, value);
	else
		buf_puts(out, "null");
}

void json_add_number(struct buf *out, const char *key, long long value)
{
	json_key(out, key);
	buf_printf(out, "%lld", value);
}

void json_add_unsigned(struct buf *out, const char *key, unsigned long long value)
{
	json_key(out, key);
	buf_printf(out, "%llu", value);
}

void json_add_bool(struct buf *out, const char *key, bool value)
{
	json_key(out, key);
	buf_puts(out, value ? "true" : "false");
}

void json_add_time(struct buf *out, const char *key, uint64_t ns)
{
	char text[TIMESTAMP_SIZE];
	json_add(out, key, ns ? timestamp_format(ns, text) : NULL);
}

void print_buf(struct buf *out)
{
	puts(buf_str(out));
	buf_done(out);
}

/* ---- errors ---- */

int cli_error(const struct cli *cli, const struct contexe_error *err)
{
	int code = err->exit_code ? err->exit_code : EXIT_CONTEXE;
	struct contexe_error told = *err;
	if (!told.what[0] && cli->command)
		(void)snprintf(told.what, sizeof(told.what), "%s", cli->command->name);
	if (cli->json) {
		CLEANUP_BUF struct buf out = BUF_INIT;
		buf_puts(&out, "{\"error\":{");
		json_add(&out, "what", told.what);
		json_add(&out, "object", err->object);
		json_add(&out, "why", err->why[0] ? err->why : strerror(err->err));
		json_add(&out, "hint", err->hint);
		json_add_number(&out, "errno", err->err);
		json_add_number(&out, "exitCode", code);
		buf_puts(&out, "}}");
		fprintf(stderr, "%s\n", buf_str(&out));
		return code;
	}
	char line[1400];
	fprintf(stderr, "contexe: %s\n", contexe_error_line(&told, line, sizeof(line)));
	return code;
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	struct contexe_error err = { .err = 22, .exit_code = EXIT_USAGE };
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(err.why, sizeof(err.why), fmt, ap);
	va_end(ap);
	const char *name = cli->command ? cli->command->name : "";
	(void)snprintf(err.what, sizeof(err.what), "%s", name);
	(void)snprintf(err.hint, sizeof(err.hint), "see 'contexe %s%s--help'", name,
		       *name ? " " : "");
	return cli_error(cli, &err);
}

int cli_open(struct cli *cli)
{
	struct contexe_error err = { 0 };
	if (cli->cx)
		return 0;
	return contexe_open(cli->root, &cli->cx, &err) < 0 ? cli_error(cli, &err) : 0;
}

int cli_each(struct cli *cli, int argc, char **argv,
	     int (*fn)(struct cli *cli, const char *ref, void *arg, struct contexe_error *err),
	     void *arg)
{
	int worst = 0;
	if (argc == 0)
		return cli_usage(cli, "which container? its name or number is missing");
	int code = cli_open(cli);
	if (code)
		return code;
	for (int i = 0; i < argc; i++) {
		struct contexe_error err = { 0 };
		if (fn(cli, argv[i], arg, &err) < 0) {
			code = cli_error(cli, &err);
			if (code > worst)
				worst = code;
		} else if (!cli->quiet && !cli->json) {
			puts(argv[i]);
		}
	}
	return worst;
}

/* ---- tables ---- */

bool use_color(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

void table_init(struct table *t, const char *const *titles, size_t columns)
{
	*t = (struct table){ .columns = columns };
	for (size_t i = 0; i < columns; i++)
		table_cell(t, "%s", titles[i]);
}

void table_cell(struct table *t, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	t->cells = xrealloc(t->cells, (t->n + 1) * sizeof(*t->cells));
	t->cells[t->n++] = buf_take(&b);
	for (char *p = t->cells[t->n - 1]; *p;
	     p++) /* nothing from a container reaches the terminal raw */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* Columns on the screen: continuation bytes of UTF-8 take none. */
static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_print(struct table *t)
{
	size_t *widths = xcalloc(t->columns, sizeof(*widths));
	bool color = use_color(1);
	for (size_t i = 0; i < t->n; i++) {
		size_t w = width(t->cells[i]);
		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->n; i++) {
		size_t c = i % t->columns, pad = widths[c] - width(t->cells[i]);
		bool last = c + 1 == t->columns, right = t->right & (1u << c);
		if (c == 0 && i < t->columns && color)
			fputs("\033[1m", stdout);
		if (right)
			printf("%*s", (int)pad, "");
		fputs(t->cells[i], stdout);
		if (last)
			puts(i < t->columns && color ? "\033[0m" : "");
		else
			printf("%*s  ", right ? 0 : (int)pad, "");
		free(t->cells[i]);
	}
	free(t->cells);
	free(widths);
	*t = (struct table){ 0 };
}

const char *format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	double v = (double)bytes;
	size_t u = 0;
	for (; v >= 1024 && u < sizeof(units) - 2; u++)
		v /= 1024;
	(void)snprintf(buf, size, u && v < 100 ? "%.1f%c" : "%.0f%c", v, units[u]);
	return buf;
}
