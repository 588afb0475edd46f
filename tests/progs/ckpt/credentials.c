/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - real, effective, saved and file system ids; each thread its own. */
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "ckpt.h"

static pthread_barrier_t meet;

static void check(unsigned r, unsigned e, unsigned s, unsigned f, const char *who)
{
	uid_t a, b, c;
	gid_t x, y, z;
	CKPT_CHECK(getresuid(&a, &b, &c) == 0 && a == r && b == e && c == s,
		   "%s has the uids %u %u %u", who, a, b, c);
	CKPT_CHECK(getresgid(&x, &y, &z) == 0 && x == r + 10 && y == e + 10 && z == s + 10,
		   "%s has the gids %u %u %u", who, x, y, z);
	unsigned fs = (unsigned)setfsuid((uid_t)-1);
	CKPT_CHECK(fs == f, "%s has the fsuid %u", who, fs);
}

/* Only this thread: the C library would change all. */
static void become(unsigned r, unsigned e, unsigned s, unsigned f)
{
	CKPT_SETUP(syscall(SYS_setresgid, r + 10, e + 10, s + 10));
	CKPT_SETUP(syscall(SYS_setresuid, r, e, s));
	setfsuid(f);
}

static void *thread(void *arg)
{
	(void)arg;
	become(2000, 2001, 2002, 2000);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	check(2000, 2001, 2002, 2000, "the thread");
	return NULL;
}

int main(void)
{
	pthread_t t;
	ckpt_init();
	pthread_barrier_init(&meet, NULL, 2);
	CKPT_SETUP(pthread_create(&t, NULL, thread, NULL) ? -1 : 0);
	pthread_barrier_wait(&meet);
	become(1000, 0, 1002, 1002);

	ckpt_ready();

	check(1000, 0, 1002, 1002, "the process");
	pthread_barrier_wait(&meet);
	pthread_join(t, NULL);
	ckpt_pass();
}
