/* SPDX-License-Identifier: Apache-2.0 */
/* options_program.c - setters: what runs, and how it lives. See options.h. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"
#include "engine/options.h"
#include "engine/restart.h"
#include "engine/terminal.h"
#include "sys/signame.h"

#define KEEP(s, text) arena_strdup(&(s)->spec.arena, (text))

int opt_name(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!parse_is_name(value, 128)) {
		error_set(err, EINVAL, "not a name for a container");
		return error_hint(err,
				  "letters, digits, '_', '.' and '-', the first a letter or digit");
	}
	s->name = KEEP(s, value);
	return 0;
}

int opt_number(struct contexe_spec *s, const char *value, struct error *err)
{
	uint64_t n;
	if (parse_u64(value, 1, 999999, &n) < 0) {
		error_set(err, EINVAL, "not a number for a container");
		return error_hint(err,
				  "1 to 999999; 0 is the system container, which is always there");
	}
	s->number = (unsigned)n;
	return 0;
}

static int key_value(struct contexe_spec *s, const char *value, char **ret_key,
		     const char **ret_value, struct error *err)
{
	const char *eq = strchr(value, '=');
	if (!eq || eq == value)
		return error_set(err, EINVAL, "not of the form KEY=VALUE");
	*ret_key = arena_strndup(&s->spec.arena, value, (size_t)(eq - value));
	*ret_value = eq + 1;
	return 0;
}

int opt_label(struct contexe_spec *s, const char *value, struct error *err)
{
	char *key = NULL;
	const char *text = NULL;
	int r = key_value(s, value, &key, &text, err);
	if (r == 0)
		pairs_set(&s->spec.arena, &s->spec.annotations, key, text);
	return r;
}

int opt_env(struct contexe_spec *s, const char *value, struct error *err)
{
	if (*value == '=' || !*value)
		return error_set(err, EINVAL, "a variable needs a name");
	if (strchr(value, '=')) {
		strings_add(&s->spec.arena, &s->env, value);
	} else if (getenv(value)) {
		strings_add(&s->spec.arena, &s->env,
			    arena_printf(&s->spec.arena, "%s=%s", value, getenv(value)));
	}
	return 0;
}

int opt_env_file(struct contexe_spec *s, const char *value, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, value, 1 << 20, &text);
	if (r < 0)
		return error_sys(err, -r, "cannot read the file");
	char *save = NULL;
	for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line && r == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#')
			r = opt_env(s, line, err);
	}
	return r;
}

int opt_workdir(struct contexe_spec *s, const char *value, struct error *err)
{
	if (value[0] != '/')
		return error_set(err, EINVAL, "must begin with /");
	s->workdir = KEEP(s, value);
	return 0;
}

int opt_user(struct contexe_spec *s, const char *value, struct error *err)
{
	const char *colon = strchr(value, ':');
	if (!*value || colon == value || (colon && (!colon[1] || strchr(colon + 1, ':')))) {
		error_set(err, EINVAL, "not of the form USER[:GROUP]");
		return error_hint(
			err,
			"names are looked up inside the container, numbers need no entry there");
	}
	s->user = KEEP(s, value);
	return 0;
}

int opt_group_add(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!*value)
		return error_set(err, EINVAL, "a group needs a name or number");
	strings_add(&s->spec.arena, &s->spec.contexe.group_add, value);
	return 0;
}

int opt_entrypoint(struct contexe_spec *s, const char *value, struct error *err)
{
	(void)err;
	s->entrypoint = KEEP(s, value);
	return 0;
}

int opt_tty(struct contexe_spec *s, const char *value, struct error *err)
{
	s->tty_given = true;
	return option_bool(value, &s->spec.process.terminal, err);
}

int opt_interactive(struct contexe_spec *s, const char *value, struct error *err)
{
	s->tty_given = true;
	return option_bool(value, &s->spec.contexe.interactive, err);
}

int opt_detach_keys(struct contexe_spec *s, const char *value, struct error *err)
{
	struct keys keys;
	int r = keys_parse(value, &keys, err);
	if (r == 0)
		s->spec.contexe.detach_keys = KEEP(s, value);
	return r;
}

int opt_init(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!str_eq(value, "contexe") && !str_eq(value, "none"))
		return error_set(err, EINVAL, "must be contexe or none");
	s->spec.contexe.init = KEEP(s, value);
	return 0;
}

int opt_restart(struct contexe_spec *s, const char *value, struct error *err)
{
	enum restart_policy policy;
	unsigned max;
	int r = restart_parse(value, &policy, &max, err);
	if (r == 0) {
		s->spec.contexe.restart = KEEP(s, restart_name(policy));
		s->spec.contexe.restart_max = (struct opt_u64){ max > 0, max };
	}
	return r;
}

int opt_rm(struct contexe_spec *s, const char *value, struct error *err)
{
	return option_bool(value, &s->spec.contexe.remove, err);
}

int opt_stop_signal(struct contexe_spec *s, const char *value, struct error *err)
{
	if (signame_parse(value) < 0) {
		error_set(err, EINVAL, "not a signal");
		return error_hint(err, "a name (TERM, SIGTERM, RTMIN+3) or a number from 1 to 64");
	}
	s->spec.contexe.stop_signal = KEEP(s, value);
	return 0;
}

int opt_stop_timeout(struct contexe_spec *s, const char *value, struct error *err)
{
	uint64_t n;
	if (parse_u64(value, 0, 86400 * 365, &n) < 0)
		return error_set(err, EINVAL, "not a number of seconds");
	s->spec.contexe.stop_timeout = (struct opt_u64){ true, n };
	return 0;
}

int opt_log(struct contexe_spec *s, const char *value, struct error *err)
{
	if (!str_eq(value, "file") && !str_eq(value, "none") && !str_eq(value, "passthrough"))
		return error_set(err, EINVAL, "must be file, none or passthrough");
	s->spec.contexe.log = KEEP(s, value);
	return 0;
}

int opt_log_max(struct contexe_spec *s, const char *value, struct error *err)
{
	uint64_t n;
	if (parse_size(value, &n) < 0 || n < 4096)
		return error_set(err, EINVAL, "not a size of at least 4k");
	s->spec.contexe.log_max = (struct opt_u64){ true, n };
	return 0;
}

static int ulimit_value(const char *text, uint64_t *ret)
{
	if (str_eq(text, "unlimited") || str_eq(text, "-1")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return parse_u64(text, 0, UINT64_MAX, ret);
}

int opt_ulimit(struct contexe_spec *s, const char *value, struct error *err)
{
	char *key = NULL;
	const char *text = NULL;
	int r = key_value(s, value, &key, &text, err);
	if (r < 0)
		return error_hint(err, "like nofile=1024 or nofile=1024:4096");
	char *soft = KEEP(s, text);
	char *hard = strchr(soft, ':');
	if (hard)
		*hard++ = '\0';
	struct spec_rlimit limit = { 0 };
	if (ulimit_value(soft, &limit.soft) < 0 ||
	    ulimit_value(hard ? hard : soft, &limit.hard) < 0 || limit.soft > limit.hard) {
		error_set(err, EINVAL, "not a pair of numbers, the first at most the second");
		return error_hint(err, "'unlimited' is a number here");
	}
	limit.type = arena_printf(&s->spec.arena, "RLIMIT_%s", key);
	for (char *p = limit.type; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	*arena_push(&s->spec.arena, s->spec.process.rlimits, s->spec.process.n_rlimits) = limit;
	return 0;
}

int opt_oom_score_adj(struct contexe_spec *s, const char *value, struct error *err)
{
	int64_t n;
	if (parse_i64(value, -1000, 1000, &n) < 0)
		return error_set(err, EINVAL, "not a number from -1000 to 1000");
	s->spec.process.oom_score_adj = (struct opt_i64){ true, n };
	return 0;
}
