# SPDX-License-Identifier: Apache-2.0
"""Python as it is used: threads with locks and queues, asyncio with streams, timers and a child, multiprocessing with semaphores,
queues and shared memory."""
import asyncio
import multiprocessing
import queue
import threading
import time

from carried import TCP, begin, check, guarded, over, right, tick

done = {"threads": 0, "asyncio": 0, "processes": 0}


def progress(what, n=1):
    done[what] += n
    if min(done.values()):
        tick(min(done.values()))


@guarded
def threads():
    """Numbers go through a ring of queues; a condition and a semaphore are in use all the time."""
    rings = [queue.Queue(4) for _ in range(6)]
    gate, lock, total = threading.Semaphore(2), threading.Condition(), [0]

    @guarded
    def station(me):
        while True:
            n = rings[me].get()
            with gate:
                time.sleep(0.0005)
            with lock:
                total[0] += 1
                lock.notify_all()
            rings[(me + 1) % len(rings)].put(n + 1)

    for i in range(len(rings)):
        threading.Thread(target=station, args=(i,), daemon=True).start()
    rings[0].put(0)
    rings[3].put(0)
    seen = 0
    while not over.is_set():
        with lock:
            check(lock.wait_for(lambda: total[0] > seen, 60), "the ring stands still")
            progress("threads", total[0] - seen)
            seen = total[0]


@guarded
def streams():
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line[::-1][1:] + b"\n")
            await writer.drain()
        writer.close()

    async def talk(connect, path):
        reader, writer = await connect(*path)
        n = 0
        while not over.is_set():
            n += 1
            text = b"%d " % n * (n % 500 + 1)
            writer.write(text + b"\n")
            await writer.drain()
            answer = await asyncio.wait_for(reader.readline(), 60)
            check(answer == text[::-1] + b"\n", f"stream {path}: {answer[:60]}")
            await asyncio.sleep(0.001)
            progress("asyncio")
        writer.close()

    async def child():
        p = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        n = 0
        while not over.is_set():
            n += 1
            p.stdin.write(b"%d\n" % n)
            check(await p.stdout.readline() == b"%d\n" % n, "cat says something else")
        p.stdin.close()
        check(await p.wait() == 0, "cat did not end well")

    async def main():
        talks = [child(), talk(asyncio.open_unix_connection, ("/tmp/unix",))]
        await asyncio.start_unix_server(serve, "/tmp/unix")
        if TCP:
            await asyncio.start_server(serve, "127.0.0.1", 8500)
            talks.append(talk(asyncio.open_connection, ("127.0.0.1", 8500)))
        await asyncio.gather(*talks)

    asyncio.run(main())


def worker(jobs, results, semaphore, lock, shared):
    while (n := jobs.get()) is not None:
        with semaphore:
            value = sum(i * i for i in range(n))
        with lock:
            shared[0] += 1
        results.put((n, value))


def processes(workers, jobs, results, shared):
    sent = 0
    waiting = {}
    while not over.is_set() or waiting:
        while len(waiting) < 8 and not over.is_set():
            sent += 1
            n = sent % 3000
            waiting[sent] = n
            jobs.put(n)
        n, value = results.get(timeout=60)
        check(value == (n - 1) * n * (2 * n - 1) // 6, f"the sum of {n} squares is {value}")
        waiting.pop(next(k for k, v in waiting.items() if v == n))
        progress("processes")
    check(shared[0] == sent, f"{sent} jobs, {shared[0]} counted")
    for _ in workers:
        jobs.put(None)
    for w in workers:
        w.join(30)
        check(w.exitcode == 0, f"a worker ended with {w.exitcode}")


if __name__ == "__main__":
    begin()
    context = multiprocessing.get_context("fork")
    todo, out = context.Queue(), context.Queue()
    counted = context.Array("q", 1, lock=False)
    shape = (todo, out, context.Semaphore(2), context.Lock(), counted)
    team = [context.Process(target=worker, args=shape) for _ in range(3)]
    for member in team:
        member.start()
    others = [threading.Thread(target=threads), threading.Thread(target=streams)]
    for other in others:
        other.start()
    guarded(processes)(team, todo, out, counted)
    for other in others:
        other.join()
    right()
