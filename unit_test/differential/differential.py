#!/usr/bin/python3
"""Runs seeded random AMQP programs on RabbitMQ and on Warren and compares what a client sees of each.

differential.py [--seeds A-B] [--seconds N] [--build DIR] [--workers N] [--theme NAME] [--pair KIND,KIND]
differential.py --replay FILE            runs the programs of a file (one JSON list of operations a line)
differential.py --selftest               plants mistakes in one of two Warren nodes: each must be found and made small

Exit 0: no difference (or RabbitMQ is not installed: said by name), 1: a difference, printed with a minimal program.
"""
import argparse
import itertools
import json
import os
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../e2e")]
import brokers  # noqa: E402
from compare import first_difference, is_known  # noqa: E402
from generate import program as generated  # noqa: E402
from harness.options import options  # noqa: E402
from shrink import shrink  # noqa: E402
from themes import THEMES  # noqa: E402

CASES = os.path.join(HERE, "cases.jsonl")  # programs that once differed
SHRUNK = 10      # differences that are made small; each takes a while
PATIENCE = [1, 2, 4]  # a difference counts when it shows again with waits so many times as long; else the program is called
                      # unstable. Longer waits, since a loaded machine's RabbitMQ expires messages late again and again.
UNSTABLE = 0.03  # more of the programs than this being unstable is a failure of the test itself


class Pair:
    """Two brokers and, for each worker, a runner on each; `plant` changes the programs that the second broker gets."""

    def __init__(self, kinds, ports=(None, None), workers=1, plant=lambda program: program):
        self.brokers = [brokers.Broker(kind, port, workers) for kind, port in zip(kinds, ports)]
        self.workers, self.plant = workers, plant
        self.pool = ThreadPoolExecutor(2 * workers)
        self.idle = queue.Queue()  # pairs of runners

    def __enter__(self):
        try:
            list(self.pool.map(lambda broker: broker.start(), self.brokers))
        except BaseException:
            self.__exit__()
            raise
        for worker in range(self.workers):
            self.idle.put([broker.runner(label, worker) for broker, label in zip(self.brokers, "LR")])
        return self

    def __exit__(self, *_):
        while not self.idle.empty():
            for runner in self.idle.get():
                runner.close()
        self.pool.shutdown()
        for broker in self.brokers:
            broker.close()

    def difference(self, program, patience=1):
        runners = self.idle.get()
        try:
            jobs = zip(runners, [program, self.plant(program)])
            together = runners[0].port != runners[1].port  # on one node they would share amq.fanout and its like
            left, right = (self.pool.map if together else map)(lambda job: job[0].run(job[1], patience), jobs)
        finally:
            self.idle.put(runners)
        found = first_difference(left, right)
        if found and self.brokers[0].kind == "rabbitmq" and is_known(program, found[0], left):
            return None
        return found

    def steady_difference(self, program):
        """A difference that comes again each time; (difference, was it unstable)."""
        found = self.difference(program)
        if found is None:
            return None, False
        for patience in PATIENCE:
            if self.difference(program, patience) is None:
                return None, True
        return found, False


def report(pair, seed, program, found):
    small = shrink(program, lambda candidate: pair.steady_difference(candidate)[0] is not None)
    index, left, right = pair.difference(small) or found
    print(f"\nDIFFERENCE, seed {seed}: {len(program)} operations, {len(small)} after shrinking\n{json.dumps(small)}")
    print(f"  at operation {index}: {json.dumps(small[index]) if index < len(small) else 'what is left in the queues'}")
    for broker, seen in zip(pair.brokers, (left, right)):
        print(f"  {broker.kind:8} {json.dumps(seen)}")
    sys.stdout.flush()
    return small


class Comparison:
    """Workers that take programs one after the other until time, programs or patience end."""

    def __init__(self, pair, programs, seconds, keep_going):
        self.pair, self.programs, self.keep_going = pair, iter(programs), keep_going
        self.lock, self.started = threading.Lock(), time.monotonic()
        self.until = self.started + seconds if seconds else float("inf")
        self.run, self.found, self.unstable = 0, [], []

    def next(self):
        with self.lock:
            if time.monotonic() > self.until or self.found and not self.keep_going:
                return None
            return next(self.programs, None)

    def work(self):
        while (taken := self.next()) is not None:
            seed, program = taken
            found, shaky = self.pair.steady_difference(program)
            with self.lock:
                self.run += 1
                if shaky:
                    self.unstable.append(seed)
                if found:
                    self.found.append((seed, program, found))
                    print(f"differs: seed {seed}, operation {found[0]}: {json.dumps(program[found[0]:found[0] + 1])}\n"
                          f"  {json.dumps(found[1])[:600]}\n  {json.dumps(found[2])[:600]}", flush=True)

    def all(self):
        with ThreadPoolExecutor(self.pair.workers) as pool:
            for worker in [pool.submit(self.work) for _ in range(self.pair.workers)]:
                worker.result()
        elapsed = time.monotonic() - self.started
        for seed, program, found in self.found[:SHRUNK]:
            report(self.pair, seed, program, found)
        print(f"differential: {self.run} programs in {elapsed:.1f} s ({self.run / elapsed:.1f}/s), {len(self.found)} "
              f"differences, {len(self.unstable)} unstable {self.unstable[:20]}")
        return 1 if self.found or len(self.unstable) > max(2, UNSTABLE * self.run) else 0


# What each planted mistake does to the second broker's programs, as if that broker did not know the feature.
def without_argument(name):
    def change(operation):
        arguments = {key: value for key, value in operation.get("args", {}).items() if key != name}
        return {**operation, "args": arguments} if "args" in operation else operation
    return change


def changed(kind, **members):
    return lambda operation: {**operation, **members} if operation["op"] == kind else operation


def without_header(name):
    def change(operation):
        headers = operation.get("props", {}).get("headers", {})
        if name not in headers:
            return operation
        left = {key: value for key, value in headers.items() if key != name}
        return {**operation, "props": {**operation["props"], "headers": left}}
    return change


PLANTED = {
    "message TTL ignored": without_argument("x-message-ttl"),
    "length limit ignored": without_argument("x-max-length"),
    "overflow ignored": without_argument("x-overflow"),
    "dead letter exchange ignored": without_argument("x-dead-letter-exchange"),
    "priorities ignored": without_argument("x-max-priority"),
    "requeue drops": changed("settle", requeue=False),
    "commit rolls back": lambda op: {**op, "op": "rollback"} if op["op"] == "commit" else op,
    "prefetch ignored": changed("qos", count=0),
    "mandatory ignored": changed("publish", mandatory=False),
    "BCC ignored": without_header("BCC"),
    "single active consumer ignored": without_argument("x-single-active-consumer"),
}
SMALL = 8   # operations that a planted mistake's program may have after shrinking
TRIES = 60  # programs that a mistake changes; one of them must show it


def found_with(pair):
    """(seed, operations left) of the first program in which the pair's planted mistake shows, or None."""
    tried = 0
    for seed in itertools.count(1):
        program = generated(seed)
        if pair.plant(program) == program:
            continue
        tried += 1
        if pair.steady_difference(program)[0]:
            return seed, len(shrink(program, lambda candidate: pair.steady_difference(candidate)[0] is not None))
        if tried == TRIES:
            return None


def selftest(kind):
    failed = []
    with Pair((kind, kind)) as pair:
        for name, change in PLANTED.items():
            pair.plant = lambda program: [change(operation) for operation in program]
            found = found_with(pair)
            print(f"planted: {name}: {'seed %d, %d operations' % found if found else 'NOT FOUND'}", flush=True)
            if found is None or found[1] > SMALL:
                failed.append(name)
    print(f"differential: {len(PLANTED) - len(failed)} of {len(PLANTED)} planted mistakes found and made small {failed}")
    return 1 if failed else 0


def stored(path):
    """Programs of a file: a JSON list of operations a line; lines that begin with // say what the next one showed."""
    with open(path) as file:
        return [(f"{os.path.basename(path)}:{number}", json.loads(line)) for number, line in enumerate(file, 1)
                if line.strip() and not line.startswith("//")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-1000000")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long (0: after the last seed)")
    parser.add_argument("--build", default=options.build)
    parser.add_argument("--pair", default="rabbitmq,warren")
    parser.add_argument("--ports", default="", help="two ports of nodes that already run, instead of own ones")
    parser.add_argument("--theme", choices=sorted(THEMES), help="only programs of this theme")
    parser.add_argument("--replay", metavar="FILE")
    parser.add_argument("--workers", type=int, default=1, help="programs at once, each worker in a vhost of its own")
    parser.add_argument("--keep-going", action="store_true", help="go on after a difference")
    parser.add_argument("--selftest", action="store_true")
    chosen = parser.parse_args()
    options.build = os.path.abspath(chosen.build)
    if chosen.selftest:
        return selftest("warren")
    kinds = chosen.pair.split(",")
    if "rabbitmq" in kinds and not chosen.ports and not brokers.rabbitmq_installed():
        print(f"  skipped {brokers.RABBITMQ_MISSING}")
        return 0
    first, last = map(int, chosen.seeds.split("-"))
    seeded = ((seed, generated(seed, chosen.theme)) for seed in range(first, last + 1))
    programs = stored(chosen.replay) if chosen.replay else itertools.chain(stored(CASES), seeded)
    ports = [int(port) for port in chosen.ports.split(",")] if chosen.ports else (None, None)
    with Pair(kinds, ports, chosen.workers) as pair:
        return Comparison(pair, programs, chosen.seconds, chosen.keep_going).all()


if __name__ == "__main__":
    sys.exit(main())
