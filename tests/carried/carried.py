# SPDX-License-Identifier: Apache-2.0
"""What every program of this folder does: it works, says "tick N" while it gets on, is carried meanwhile, and when told by SIGUSR1
ends with "RIGHT", or with "WRONG: why" as soon as something is not as it must be."""
import os
import signal
import sys
import threading
import time
import traceback

TCP = os.environ.get("CARRIED_TCP", "yes") == "yes"       # no: unix sockets only, to find out more
over = threading.Event()
_start = time.monotonic()
_last = 0


def say(line):
    os.write(1, f"{line}\n".encode())


def wrong(why):
    say(f"WRONG: {why}".replace("\n", " | "))
    os._exit(1)


def check(good, why):
    if not good:
        wrong(why)


def guarded(work):
    """A thread's function whose failure is the program's."""
    def run(*args):
        try:
            work(*args)
        except BaseException:                   # pylint: disable=broad-except
            wrong(traceback.format_exc())
    return run


def tick(number):
    """Tells how far it is, a few times in a second."""
    global _last
    if time.monotonic() - _last > 0.05:
        _last = time.monotonic()
        say(f"tick {number}")


def begin():
    signal.signal(signal.SIGUSR1, lambda *_: over.set())
    sys.excepthook = lambda *what: wrong("".join(traceback.format_exception(*what)))


def right():
    say("RIGHT")
    os._exit(0)
