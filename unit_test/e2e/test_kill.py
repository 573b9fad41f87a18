"""kill -9 under confirmed load, twenty times: nothing confirmed is lost (guarantees.md G1, G2)."""
import random
import time
import unittest

from harness import load
from harness.case import Background, is_reference
from harness.node import make_node

ROUNDS = 3 if is_reference() else 20
PUBLISHERS = 3
DRAIN_EVERY = 4  # the rounds between leave their messages, so that recovery meets old and new ones


class Kill(unittest.TestCase):
    def setUp(self):
        self.node = make_node().start()
        self.addCleanup(self.node.close)
        self.random = random.Random(20)
        self.confirmed = [set() for _ in range(PUBLISHERS)]
        self.received = [set() for _ in range(PUBLISHERS)]
        self.next = [0] * PUBLISHERS
        self.duplicates = 0
        self.slowest_restart_s = 0.0

    def test_nothing_confirmed_is_lost(self):
        for number in range(1, ROUNDS + 1):
            self.load_and_kill()
            started = time.monotonic()
            self.node.start()
            self.slowest_restart_s = max(self.slowest_restart_s, time.monotonic() - started)
            if number % DRAIN_EVERY == 0 or number == ROUNDS:
                self.drain()
        confirmed, received = sum(map(len, self.confirmed)), sum(map(len, self.received))
        lost = sum(len(c - r) for c, r in zip(self.confirmed, self.received))
        print(f"\n  {ROUNDS} kills: published {sum(self.next)}, confirmed {confirmed}, received {received}, "
              f"duplicates {self.duplicates}, LOST {lost}, slowest restart {self.slowest_restart_s:.2f} s", flush=True)
        self.assertEqual(lost, 0)
        self.assertGreater(confirmed, ROUNDS * 100, "too little load to prove anything")

    def load_and_kill(self):
        publishers = [load.ConfirmedPublisher(self.node.port, f"kill{index}", self.next[index], window=100)
                      for index in range(PUBLISHERS)]
        threads = [Background(publisher.run_until_cut) for publisher in publishers]
        for thread in threads:
            thread.start()
        time.sleep(self.random.uniform(0.15, 0.5))
        self.node.kill()
        for thread in threads:
            thread.finish()
        for index, publisher in enumerate(publishers):
            self.assertFalse(publisher.nacked, "a healthy node nacks nothing")
            self.confirmed[index] |= publisher.confirmed
            self.next[index] = publisher.next

    def drain(self):
        for index in range(PUBLISHERS):
            missing = len(self.confirmed[index] - self.received[index])
            numbers = load.drain(self.node.port, f"kill{index}", expected_min=missing)
            fresh = [number for number in numbers if number not in self.received[index]]
            self.assertEqual(fresh, sorted(fresh), "order of one publisher")
            self.assertTrue(all(0 <= number < self.next[index] for number in numbers), "a message nobody published")
            self.assertEqual(len(set(numbers)), len(numbers), "the same message twice in one queue")
            self.duplicates += len(numbers) - len(fresh)
            self.received[index].update(numbers)
