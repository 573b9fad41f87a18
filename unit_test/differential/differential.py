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
from compare import first_difference, is_known, judged, normal  # noqa: E402
from generate import program as generated  # noqa: E402
from harness.options import options  # noqa: E402
from shrink import shrink  # noqa: E402
from themes import THEMES  # noqa: E402

CASES = os.path.join(HERE, "cases.jsonl")  # programs that once differed
SHRUNK = 10      # differences that are made small; each takes a while
PATIENCE = [1, 2, 4, 1, 2, 1]  # a program that differed runs again with waits so many times as long; if the runs together
                               # prove nothing (compare.judged) it is called unstable. Longer waits, since a loaded
                               # machine's RabbitMQ expires messages late again and again.
QUICKLY = [1]    # the same where neither broker wavers
UNSTABLE = 0.2   # more of the programs than this being unstable: the test has compared nothing, and fails by itself


class Pair:
    """Two brokers and, for each worker, a runner on each. A `plant` changes the program that the second broker gets."""

    def __init__(self, kinds, ports=(None, None), workers=1):
        self.brokers = [brokers.Broker(kind, port, workers) for kind, port in zip(kinds, ports)]
        self.workers = workers
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

    def traces(self, program, patience=1, plant=None):
        """What each of the two brokers shows, without what may differ."""
        runners = self.idle.get()
        try:
            jobs = zip(runners, [program, plant(program) if plant else program])
            together = runners[0].port != runners[1].port  # on one node they would share amq.fanout and its like
            shown = list((self.pool.map if together else map)(lambda job: job[0].run(job[1], patience), jobs))
        finally:
            self.idle.put(runners)
        return [without_strays(normal(trace)) if broker.kind == "rabbitmq" else normal(trace)
                for broker, trace in zip(self.brokers, shown)]

    def steady_difference(self, program, patiences=PATIENCE, plant=None):
        """A difference that several runs prove; (difference, was it unstable)."""
        left, right = self.traces(program, 1, plant)
        if first_difference(left, right) is None:
            return None, False
        lefts, rights = [left], [right]
        for patience in patiences:
            left, right = self.traces(program, patience, plant)
            lefts.append(left)
            rights.append(right)
            if judged(lefts, rights) is None:
                return None, not self.known(program, lefts, rights)
        found = judged(lefts, rights)
        return (None, False) if self.known(program, lefts, rights) else (found, False)

    def known(self, program, lefts, rights):
        """Whether one of the runs shows a difference that is there on purpose."""
        if self.brokers[0].kind != "rabbitmq":
            return False
        runs = [(first_difference(left, right), left, right) for left, right in zip(lefts, rights)]
        return any(found and is_known(program, found[0], left, right) for found, left, right in runs)


def without_strays(trace):
    """RabbitMQ may still deliver on a channel that it has closed; Warren must not."""
    return [[event for event in seen if event[0] != "stray"] for seen in trace]


def report(pair, seed, program, found):
    small = shrink(program, lambda candidate: pair.steady_difference(candidate)[0] is not None)
    index, left, right = pair.steady_difference(small)[0] or found
    print(f"\nDIFFERENCE, seed {seed}: {len(program)} operations, {len(small)} after shrinking\n{json.dumps(small)}")
    print(f"  at operation {index}: {json.dumps(small[index]) if index < len(small) else 'what is left in the queues'}")
    for broker, seen in zip(pair.brokers, (left, right)):
        print(f"  {broker.kind:8} {json.dumps(seen)}")
    sys.stdout.flush()


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
        return 1 if self.found or len(self.unstable) > max(5, UNSTABLE * self.run) else 0


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
PLANTS_AT_ONCE = 3  # they mostly wait, for a time to live


def found_with(pair, plant):
    """(seed, operations left) of the first program in which a planted mistake shows, or None."""
    tried = 0
    for seed in itertools.count(1):
        program = generated(seed)
        if plant(program) == program:
            continue
        tried += 1
        if pair.steady_difference(program, plant=plant)[0]:
            small = shrink(program, lambda candidate: pair.steady_difference(candidate, QUICKLY, plant)[0] is not None)
            return (seed, len(small)) if pair.steady_difference(small, plant=plant)[0] else None
        if tried == TRIES:
            return None


def planted(pair, name):
    change = PLANTED[name]
    found = found_with(pair, lambda program: [change(operation) for operation in program])
    print(f"planted: {name}: {'seed %d, %d operations' % found if found else 'NOT FOUND'}", flush=True)
    return found is not None and found[1] <= SMALL


# Runs of a reference and of another broker, an answer to each of two operations a letter, and what they prove.
BROKEN = [["broken"]]
VERDICTS = [
    ("the same", ["ab", "ab"], ["ab", "ab"], False),
    ("another answer each time", ["ab", "ab"], ["ax", "ax"], True),
    ("two other answers", ["ab", "ab"], ["ax", "ay"], True),
    ("once right", ["ab", "ab"], ["ax", "ab"], False),
    ("the reference wavers", ["ab", "ac"], ["ax", "ax"], False),
    ("wrong before the reference wavers", ["ab", "ac"], ["xb", "xb"], True),
    ("wrong before and after, in turn", ["ab", "ac"], ["xb", "ab"], False),
    ("the reference is broken off", [["a", BROKEN], ["a", BROKEN]], ["ab", "ab"], False),
    ("only the other is broken off", ["ab", "ab"], [["a", BROKEN], ["a", BROKEN]], True),
    ("nothing follows", ["ab", "ab"], ["a", "a"], True),
    ("more follows", ["ab", "ab"], ["abc", "abc"], True),
]


def wrong_verdicts():
    return [name for name, references, others, proven in VERDICTS
            if (judged(list(map(list, references)), list(map(list, others))) is not None) != proven]


def selftest(kind):
    failed = wrong_verdicts()
    print(f"verdicts: {len(VERDICTS) - len(failed)} of {len(VERDICTS)} right {failed}")
    with Pair((kind, kind), workers=PLANTS_AT_ONCE) as pair, ThreadPoolExecutor(PLANTS_AT_ONCE) as pool:
        missed = [name for name, found in zip(PLANTED, pool.map(lambda name: planted(pair, name), PLANTED)) if not found]
    print(f"differential: {len(PLANTED) - len(missed)} of {len(PLANTED)} planted mistakes found and made small {missed}")
    return 1 if failed or missed else 0


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
