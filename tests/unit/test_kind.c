/* SPDX-License-Identifier: Apache-2.0 */
/* test_kind.c - the tables of kinds: complete rows, and nothing claimed twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/task_kind.h"

/* What kinds call on restore is the restore's. Here nothing is restored. */
struct image *holder_image(struct holder *h)
{
	(void)h;
	return NULL;
}

struct arena *holder_arena(struct holder *h)
{
	(void)h;
	return NULL;
}

int holder_proc(struct holder *h)
{
	(void)h;
	return -1;
}

bool holder_late(const struct holder *h)
{
	(void)h;
	return false;
}

bool holder_has_pids(const struct holder *h)
{
	(void)h;
	return false;
}

void **holder_memory(struct holder *h, const char *kind)
{
	(void)h;
	(void)kind;
	return NULL;
}

int holder_fd(struct holder *h, uint64_t file_id, struct error *err)
{
	(void)h;
	(void)file_id;
	return error_set(err, ENOSYS, "no holder");
}

void holder_stash_take(struct holder *h, const char *kind, uint64_t key, int fd)
{
	(void)h;
	(void)kind;
	(void)key;
	(void)fd;
}

int holder_unstash(struct holder *h, const char *kind, uint64_t key)
{
	(void)h;
	(void)kind;
	(void)key;
	return -1;
}

int holder_stashed(struct holder *h, const char *kind, uint64_t key)
{
	return holder_unstash(h, kind, key);
}

int holder_external(struct holder *h, const char *name, struct error *err)
{
	(void)name;
	return holder_fd(h, 0, err);
}

int holder_copy_pages(struct holder *h, uint64_t image_offset, uint64_t n_pages, int fd,
		      uint64_t at, struct error *err)
{
	(void)image_offset;
	(void)n_pages;
	(void)fd;
	(void)at;
	return holder_fd(h, 0, err);
}

static bool same_match(const struct file_match *a, const struct file_match *b)
{
	return a->class == b->class && (a->key ? b->key && str_eq(a->key, b->key) : !b->key);
}

static void test_nothing_is_claimed_twice(void **state)
{
	(void)state;
	for (size_t i = 0; file_kinds[i]; i++)
		for (const struct file_match *m = file_kinds[i]->matches; m->class; m++) {
			if (file_kind_of(m) != file_kinds[i])
				fail_msg("%s and %s claim the same (class %d, key %s)",
					 file_kind_of(m)->name, file_kinds[i]->name, m->class,
					 m->key ? m->key : "none");
			for (const struct file_match *n = m + 1; n->class; n++)
				assert_false(same_match(m, n));
		}
}

static void test_file_kinds_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; file_kinds[i]; i++) {
		const struct file_kind *k = file_kinds[i];
		assert_non_null(k->name);
		assert_ptr_equal(file_kind_find(k->name), k);
		assert_non_null(k->matches);
		assert_int_not_equal(k->matches[0].class, FILE_CLASS_NONE);
		assert_non_null(k->fields);
		assert_true(k->size > 0);
		assert_non_null(k->collect);
		assert_non_null(k->open);
	}
	assert_null(file_kind_find("external")); /* the dump's own word */
	assert_null(file_kind_find("unheard-of"));
}

/* Fields lie within the record and their names differ. */
static void test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; file_kinds[i]; i++)
		for (const struct field *f = file_kinds[i]->fields; f->type != FIELD_END; f++) {
			assert_true(f->offset < file_kinds[i]->size);
			for (const struct field *g = f + 1; g->type != FIELD_END; g++)
				assert_string_not_equal(f->name, g->name);
		}
}

static void test_task_kinds_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; task_kinds[i]; i++) {
		const struct task_kind *k = task_kinds[i];
		assert_non_null(k->name);
		assert_true(k->phase < PHASE_N);
		assert_non_null(k->fields);
		assert_non_null(k->collect);
		assert_non_null(k->emit);
		for (size_t j = 0; j < i; j++)
			assert_true(task_kinds[j]->scope != k->scope ||
				    !str_eq(task_kinds[j]->name, k->name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_claimed_twice),
		cmocka_unit_test(test_file_kinds_are_whole),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_task_kinds_are_whole),
	};
	return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
