/* SPDX-License-Identifier: Apache-2.0 */
/* altstack.c - a handler runs on the alternate stack, and the thread is on it meanwhile. */

#include "ckpt.h"

static char stack[65536];
static volatile sig_atomic_t on_it;

static void on_signal(int sig)
{
	char here;
	(void)sig;
	on_it = &here >= stack && &here < stack + sizeof(stack);
}

static volatile sig_atomic_t waited;

/* Here the checkpoint finds us: on the alternate stack. */
static void wait_there(int sig)
{
	stack_t now;
	(void)sig;
	ckpt_ready();
	CKPT_CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK,
		   "it is not on the alternate stack any more");
	waited = 1;
}

int main(void)
{
	stack_t s = { .ss_sp = stack, .ss_size = sizeof(stack) }, now;
	CKPT_SETUP(sigaltstack(&s, NULL));
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	CKPT_SETUP(sigaction(SIGUSR2, &sa, NULL));
	sa.sa_handler = wait_there;
	CKPT_SETUP(sigaction(SIGHUP, &sa, NULL));
	raise(SIGHUP);
	CKPT_CHECK(waited, "the handler did not return");
	CKPT_CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stack &&
			   now.ss_size == sizeof(stack) && now.ss_flags == 0,
		   "the alternate stack is another");
	raise(SIGUSR2);
	CKPT_CHECK(on_it, "the handler ran elsewhere");
	ckpt_pass();
}
