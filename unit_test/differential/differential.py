#!/usr/bin/python3
"""Runs seeded random AMQP programs on RabbitMQ and on Warren and compares what a client sees of each.

differential.py [--seeds A-B] [--seconds N] [--build DIR] [--pair KIND,KIND] [--keep-going]
differential.py --replay FILE            runs the programs of a file (one JSON list of operations a line)
differential.py --selftest               plants mistakes in one of two Warren nodes: each must be found and made small

Exit 0: no difference (or RabbitMQ is not installed: said by name), 1: a difference, printed with a minimal program.
"""
import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../e2e")]
import brokers  # noqa: E402
from compare import first_difference  # noqa: E402
from generate import program as generated  # noqa: E402
from harness.options import options  # noqa: E402
from shrink import shrink  # noqa: E402
from themes import THEMES  # noqa: E402

RETRIES = 3      # a difference counts when it shows in each of so many more runs; else the program is called unstable
UNSTABLE = 0.03  # more of the programs than this being unstable is a failure of the test itself


class Pair:
    """Two brokers and a runner on each; `plant` changes the programs that the second one gets."""

    def __init__(self, kinds, ports=(None, None), plant=lambda program: program):
        self.brokers = [brokers.Broker(kind, port) for kind, port in zip(kinds, ports)]
        self.plant = plant
        self.pool = ThreadPoolExecutor(2)

    def __enter__(self):
        try:
            list(self.pool.map(lambda broker: broker.start(), self.brokers))
        except BaseException:
            self.__exit__()
            raise
        self.runners = [broker.runner(label) for broker, label in zip(self.brokers, "LR")]
        return self

    def __exit__(self, *_):
        for runner in getattr(self, "runners", []):
            runner.close()
        self.pool.shutdown()
        for broker in self.brokers:
            broker.close()

    def difference(self, program):
        jobs = zip(self.runners, [program, self.plant(program)])
        together = self.brokers[0].port != self.brokers[1].port  # programs share amq.fanout and friends
        left, right = (self.pool.map if together else map)(lambda job: job[0].run(job[1]), jobs)
        return first_difference(left, right)

    def steady_difference(self, program):
        """A difference that comes again each time; (difference, was it unstable)."""
        found = self.difference(program)
        if found is None:
            return None, False
        for _ in range(RETRIES):
            if self.difference(program) is None:
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


def compare_many(pair, programs, seconds, keep_going):
    """Returns (programs run, differences, unstable seeds)."""
    started, run, differences, unstable = time.monotonic(), 0, 0, []
    for seed, program in programs:
        if seconds and time.monotonic() - started > seconds:
            break
        found, shaky = pair.steady_difference(program)
        run += 1
        if shaky:
            unstable.append(seed)
        if found:
            differences += 1
            report(pair, seed, program, found)
            if not keep_going:
                break
    elapsed = time.monotonic() - started
    print(f"differential: {run} programs in {elapsed:.1f} s ({run / elapsed:.1f}/s), {differences} differences, "
          f"{len(unstable)} unstable {unstable[:20]}")
    return run, differences, unstable


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
SMALL = 8  # operations that a planted mistake's program may have after shrinking


def selftest(kind, seconds):
    failed = []
    with Pair((kind, kind)) as pair:
        for name, change in PLANTED.items():
            pair.plant = lambda program: [change(operation) for operation in program]
            started, seed, size = time.monotonic(), 0, None
            while size is None and time.monotonic() - started < seconds:
                seed += 1
                program = generated(seed)
                if pair.steady_difference(program)[0]:
                    size = len(shrink(program, lambda candidate: pair.steady_difference(candidate)[0] is not None))
            print(f"planted: {name}: {f'seed {seed}, {size} operations' if size else 'NOT FOUND'}", flush=True)
            if size is None or size > SMALL:
                failed.append(name)
    print(f"differential: {len(PLANTED) - len(failed)} of {len(PLANTED)} planted mistakes found and made small {failed}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-1000000")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long (0: after the last seed)")
    parser.add_argument("--build", default=options.build)
    parser.add_argument("--pair", default="rabbitmq,warren")
    parser.add_argument("--ports", default="", help="two ports of nodes that already run, instead of own ones")
    parser.add_argument("--theme", choices=sorted(THEMES), help="only programs of this theme")
    parser.add_argument("--replay", metavar="FILE")
    parser.add_argument("--keep-going", action="store_true", help="go on after a difference")
    parser.add_argument("--selftest", action="store_true")
    chosen = parser.parse_args()
    options.build = os.path.abspath(chosen.build)
    if chosen.selftest:
        return selftest("warren", chosen.seconds or 60)
    kinds = chosen.pair.split(",")
    if "rabbitmq" in kinds and not chosen.ports and not brokers.rabbitmq_installed():
        print(f"  skipped {brokers.RABBITMQ_MISSING}")
        return 0
    if chosen.replay:
        with open(chosen.replay) as file:
            programs = [(f"line {number}", json.loads(line)) for number, line in enumerate(file, 1)
                        if line.strip() and not line.startswith("//")]
    else:
        first, last = map(int, chosen.seeds.split("-"))
        programs = ((seed, generated(seed, chosen.theme)) for seed in range(first, last + 1))
    ports = [int(port) for port in chosen.ports.split(",")] if chosen.ports else (None, None)
    with Pair(kinds, ports) as pair:
        run, differences, unstable = compare_many(pair, programs, chosen.seconds, chosen.keep_going)
    return 1 if differences or len(unstable) > max(2, UNSTABLE * run) else 0


if __name__ == "__main__":
    sys.exit(main())
