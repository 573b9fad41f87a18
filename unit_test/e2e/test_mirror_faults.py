"""Mirrored queues under faults, with clients at work (guarantees.md G1-G4, F1-F12): three nodes on hosts of their own,
publishers with confirms and consumers with acks on every node, 2,000 messages a second in all. Whatever happens to a node or
its cables: what was confirmed is delivered, in order, everybody hears what became of a publish, and queues drain.

`run.py` takes three faults; `run.py --long` every fault with every policy, as long as operators would see it. Prints how
long publishers of other nodes waited for a confirm, and how long until every copy was in sync again."""
import os
import shutil
import tempfile
import time
import types
import unittest

from harness import hosts, raw
from harness.cluster import HostCluster
from harness.mirror_work import POLICIES, Work
from harness.options import options
from harness.steady import Ledger, latencies_ms, longest_gaps_s


def seconds(short, long):
    return long if options.long else short


class Faulty(unittest.TestCase):
    slow = ()

    @classmethod
    def setUpClass(cls):
        if not hosts.available():
            raise unittest.SkipTest("needs root and network namespaces")
        cls.cluster = None

    @classmethod
    def tearDownClass(cls):
        if cls.cluster:
            cls.cluster.close()

    def setUp(self):
        if self.cluster is None:
            type(self).cluster = HostCluster(slow=self.slow)
            self.cluster.open()

    def keep_logs(self):
        """Where a failed test's logs are; the next test gets a cluster of its own."""
        place = tempfile.mkdtemp(prefix=f"{self._testMethodName}-")
        for member in self.cluster:
            shutil.copytree(os.path.join(member.home, "log"), os.path.join(place, member.name), dirs_exist_ok=True)
        self.cluster.close()
        type(self).cluster = None
        return place

    def others(self, member):
        return [each for each in self.cluster if each is not member]

    def by_cable(self, publishers):
        """Who stands behind a slow cable of his own waits for that, whoever is in sync."""
        sides = {"": [each for each in publishers if each.members[0].name not in self.slow]}
        if self.slow:
            sides[" behind it"] = [each for each in publishers if each.members[0].name in self.slow]
        return sides

    def under(self, policy, name, fault, settle_s=2.0, gap_s=None):
        """`fault(work, master, mirror)` while clients work; it returns when it has been repaired, if it says so when that was."""
        work = Work(self.cluster, policy, name)
        wrong, figures = [], {}
        try:
            work.begin()
            time.sleep(2.0)
            at = self.others(work.master_of(work.one, self.cluster.members[0]))[0]
            master, mirror = work.master_of(work.one, at), work.mirrors_of(work.one, at)[0]
            began = time.monotonic()
            repaired = fault(work, master, mirror)
            healed = time.monotonic()
            in_sync = None
            try:
                work.await_in_sync(self.others(master)[0])
                in_sync = time.monotonic() - (repaired or healed)
            except AssertionError as error:
                wrong.append(str(error))
            time.sleep(settle_s)
            gaps = longest_gaps_s(work.publishers, work.one, began)
            gap = max((value for node, value in gaps.items() if node != master.name), default=None)
            waits = {where: latencies_ms(who, work.one, began, healed) for where, who in self.by_cable(work.publishers).items()}
            more, figures = work.finish(self.others(master)[0])
            wrong += more
            figures = {"gap": gap, f"on {master.name}": gaps.get(master.name), "in sync": in_sync,
                       **{f"p50, p99 ms{where}": [each and round(each, 1) for each in pair] for where, pair in waits.items()}, **figures}
            if gap_s and gap and gap > gap_s:
                wrong.append(f"{gap:.2f} s without a confirm")
        finally:
            for each in work.publishers + work.consumers:
                each.stopping.set()
        said = ", ".join(f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}" for key, value in figures.items())
        print(f"\n  {policy} {name}: {said}", flush=True)
        if wrong:
            self.fail("\n".join([*wrong, *(f"break {each.members[0].name}: {each.breaks}" for each in work.publishers + work.consumers),
                                 f"logs in {self.keep_logs()}"]))
        client = self.cluster.members[0].client()
        for queue in (work.one, work.many):
            client.call(1, raw.method(1, 50, 40, b"\x00\x00" + raw.short_string(queue) + b"\x00"), "queue.delete-ok")
        client.close()
        return figures


def kill(work, master, mirror):
    master.kill()
    time.sleep(seconds(3, 5))
    began = time.monotonic()
    master.start()
    return began


def kill_mirror(work, master, mirror):
    return kill(work, mirror, master)


def freeze(work, master, mirror):
    master.freeze()
    time.sleep(seconds(8, 20))
    master.thaw()


def cut(work, master, mirror):
    work.cluster.cut_off(master)
    time.sleep(seconds(8, 30))
    work.cluster.heal()


def mute(work, master, mirror):
    """What the master sends to the others gets lost; it hears them."""
    for other in work.cluster:
        if other is not master:
            work.cluster.network.cut(master.name, other.name)
    time.sleep(seconds(8, 30))
    work.cluster.heal()


def deaf(work, master, mirror):
    """What the others send to the master gets lost; they hear it."""
    for other in work.cluster:
        if other is not master:
            work.cluster.network.cut(other.name, master.name)
    time.sleep(seconds(8, 30))
    work.cluster.heal()


def half(work, master, mirror):
    """What the master sends to one mirror gets lost; everything else goes on."""
    work.cluster.network.cut(master.name, mirror.name)
    time.sleep(seconds(8, 30))
    work.cluster.heal()


def rolling(work, master, mirror):
    for member in work.cluster:
        member.stop()
        member.start()
        work.await_in_sync(next(each for each in work.cluster if each is not member))


def kill_all(work, master, mirror):
    members = work.cluster.members
    for member in members:
        member.kill()
    began = time.monotonic()
    for member in reversed(members):
        member.spawn()
    for member in members:
        member.await_startup()
    return began


class Planted(unittest.TestCase):
    """The ledger sees what it is there to see."""

    def ledger(self, *seen):
        publisher = types.SimpleNamespace(confirmed={"q": [(0, 0, 1, number) for number in (1, 2, 3)]}, nacked={}, sent={1: 3})
        acked = {(1, number): when for when, number, _ in reversed(seen)}
        consumer = types.SimpleNamespace(seen=[(when, 1, number, mark) for when, number, mark in seen], acked=acked)
        return Ledger("q", [publisher], [consumer])

    def test_nothing_wrong(self):
        found = self.ledger((0, 1, 0), (0, 2, 0), (0, 2, 1), (0, 3, 0))
        self.assertEqual((found.lost, found.invented, found.out_of_order()), (set(), [], []))

    def test_a_confirmed_message_that_is_missing(self):
        self.assertEqual(self.ledger((0, 1, 0), (0, 3, 0)).lost, {(1, 2)})

    def test_order(self):
        self.assertEqual(self.ledger((0, 2, 0), (0, 1, 0), (0, 3, 0)).out_of_order(), [(1, 1, 2)])

    def test_a_message_nobody_sent(self):
        self.assertEqual(self.ledger((0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 4, 0)).invented, [(1, 4)])

    def test_what_comes_again(self):
        found = self.ledger((0, 1, 0), (0, 2, 0), (0, 3, 0), (9, 1, 1), (9, 2, 0))
        self.assertEqual((found.doubled, found.unmarked, found.again_after_ack(0.1)), (2, 1, 2))


class KillsAndCuts(Faulty):
    def test_all_master_killed(self):
        self.under("all", "kill-master", kill)

    def test_all_frozen(self):
        self.under("all", "freeze", freeze)

    def test_all_everybody_killed(self):
        self.under("all", "kill-all", kill_all)


MATRIX = {"kill_master": kill, "kill_mirror": kill_mirror, "freeze": freeze, "cut": cut, "mute": mute, "deaf": deaf, "half": half,
          "rolling": rolling, "kill_all": kill_all}


class Matrix(Faulty):
    """Each fault with each policy."""


class SlowMirror(Faulty):
    slow = ("node3",)

    def slow_link(self, policy):
        def fault(work, master, mirror):
            self.assertIn("node3", [each.name for each in work.mirrors_of(work.one, self.cluster["node2"])])
            self.cluster.network.slow_down("node3", 0.05, 0.01, 0.01)
            time.sleep(seconds(8, 30))
            self.cluster.network.slow_down("node3", 0)

        self.under(policy, "slow-link", fault)


def add(case, name, action):
    action.__name__ = name
    setattr(case, name, action)


if options.long:
    for policy_name in POLICIES:
        for fault_name, fault_of in MATRIX.items():
            add(Matrix, f"test_{policy_name}_{fault_name}",
                lambda self, policy=policy_name, name=fault_name, fault=fault_of: self.under(policy, name.replace("_", "-"), fault))
        if policy_name != "two":  # its mirror may be on another node than the slow one
            add(SlowMirror, f"test_{policy_name}_slow_link", lambda self, policy=policy_name: self.slow_link(policy))


if __name__ == "__main__":
    unittest.main()
