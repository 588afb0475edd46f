# SPDX-License-Identifier: Apache-2.0
"""A redis-server and clients that know what it must answer: counters, values, lists, a subscriber, over TCP and a unix socket."""
import os
import random
import socket
import subprocess
import threading

from carried import TCP, begin, check, guarded, over, right, tick

DIRECTORY = "/tmp/redis"
done = [0] * 6


class Client:
    def __init__(self, tcp):
        if tcp and TCP:
            self.s = socket.create_connection(("127.0.0.1", 6400))
        else:
            self.s = socket.socket(socket.AF_UNIX)
            self.s.connect(DIRECTORY + "/socket")
        self.f = self.s.makefile("rb")

    def send(self, *words):
        parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.s.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def reply(self):
        line = self.f.readline()
        check(line.endswith(b"\r\n"), f"redis has closed the connection: {line}")
        kind, rest = line[:1], line[1:-2]
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.f.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        check(kind == b"+", f"redis says {line}")
        return rest

    def ask(self, *words):
        self.send(*words)
        return self.reply()


@guarded
def counter(me):
    c = Client(me % 2 == 0)
    chance = random.Random(me)
    while not over.is_set():
        n = done[me] + 1
        check(c.ask("INCR", f"n{me}") == n, f"counter {me} is not {n}")
        value = chance.randbytes(chance.randrange(1, 20000))
        check(c.ask("SET", f"v{me}", value) == b"OK", "SET")
        check(c.ask("GET", f"v{me}") == value, f"the value of client {me} is another")
        for i in range(20):                      # answers wait in the socket
            c.send("RPUSH", f"l{me}", n * 20 + i)
        lengths = [c.reply() for _ in range(20)]
        check(lengths == list(range((n - 1) * 20 + 1, n * 20 + 1)), f"list {me}: {lengths}")
        check(c.ask("PUBLISH", "news", f"{me}:{n}") == 1, "the subscriber is gone")
        done[me] = n
        tick(sum(done))


@guarded
def subscriber(ready):
    c = Client(True)
    check(c.ask("SUBSCRIBE", "news")[0] == b"subscribe", "SUBSCRIBE")
    ready.set()
    heard = [0] * len(done)
    while True:
        what, _, text = c.reply()
        who, n = map(int, text.split(b":"))
        if n == 0:
            check(heard == done, f"of {done} only {heard} was heard")
            return
        check(what == b"message" and n == heard[who] + 1, f"news {text} after {heard}")
        heard[who] = n


begin()
os.makedirs(DIRECTORY, exist_ok=True)
server = subprocess.Popen(["redis-server", "--port", "6400" if TCP else "0", "--unixsocket", DIRECTORY + "/socket", "--dir", DIRECTORY,
                           "--appendonly", "yes", "--save", ""], stdout=subprocess.DEVNULL)
while True:
    try:
        first = Client(False)
        first.send("PING")
        if first.f.readline() == b"+PONG\r\n":
            break
    except OSError:
        check(server.poll() is None, "redis-server has ended")
        over.wait(0.02)
subscribed = threading.Event()
listener = threading.Thread(target=subscriber, args=(subscribed,))
listener.start()
subscribed.wait()
threads = [threading.Thread(target=counter, args=(i,)) for i in range(len(done))]
for t in threads:
    t.start()
for t in threads:
    t.join()
last = Client(True)
check(last.ask("PUBLISH", "news", "0:0") == 1, "the subscriber is gone")
listener.join(20)
check(not listener.is_alive(), "the subscriber has not heard the end")
for i, n in enumerate(done):
    check(last.ask("GET", f"n{i}") == str(n).encode(), f"counter {i} in the end")
    check(last.ask("LRANGE", f"l{i}", 0, -1) == [str(k).encode() for k in range(20, n * 20 + 20)], f"list {i}")
# what it has written down is whole as well
server.terminate()
check(server.wait(20) == 0, "redis-server did not end well")
check(subprocess.run(["redis-check-aof", DIRECTORY + "/appendonlydir/appendonly.aof.manifest"],
                     stdout=subprocess.DEVNULL).returncode == 0, "the append-only file is broken")
right()
