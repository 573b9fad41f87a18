"""Mirrored queues under faults, with clients at work (guarantees.md G1-G4, F1-F12): three nodes on hosts of their own,
publishers with confirms and consumers with acks on every node, 2,000 messages a second in all. Whatever happens to a node or
its cables: what was confirmed is delivered, in order, everybody hears what became of a publish, and queues drain.

`run.py` takes three faults; `run.py --long` every fault with every policy, as long as operators would see it. Prints how
long publishers of other nodes waited for a confirm, and how long until every copy was in sync again."""
import json
import os
import shutil
import tempfile
import time
import unittest

from harness import hosts, process, raw
from harness.cluster import HostCluster
from harness.options import options
from harness.steady import Consumer, Ledger, Publisher, latencies_ms, longest_gap_s

RATE = 2000  # messages a second, over two queues and three nodes
NACK_S = 30  # what is not confirmed until then is nacked
SYNC_S = 40
POLICIES = {"all": ('{"ha-mode":"all"}', 2), "two": ('{"ha-mode":"exactly","ha-params":2}', 1), "quorum": (None, 2)}


def seconds(short, long):
    return long if options.long else short


class Work:
    """Two queues, and clients on every node: `one` has one consumer, that sees the order; `many` has one on each node."""

    def __init__(self, cluster, policy, name):
        self.cluster, self.policy = cluster, policy
        pattern, self.mirrors = POLICIES[policy]
        self.one, self.many = f"{policy}.{name}.one", f"{policy}.{name}.many"
        first = cluster.members[0]
        if pattern:
            first.ctl("set_policy", policy, f"^{policy}[.]", pattern)
        client = first.client()
        for queue in (self.one, self.many):
            client.declare(queue, durable=True, arguments={} if pattern else {"x-queue-type": "quorum"})
        client.close()
        self.await_in_sync(first)
        self.publishers, self.consumers = [], []

    def begin(self):
        members = self.cluster.members
        master = self.master_of(self.one, members[1])
        start = (members.index(master) + 1) % 3
        around = [members[start:] + members[:start], members[start + 1:] + members[:start + 1], members[start + 2:] + members[:start + 2]]
        self.publishers = [Publisher(each, [self.one, self.many], RATE / 6) for each in around]
        self.consumers = [Consumer(around[0], self.one)] + [Consumer(each, self.many) for each in around]
        for each in self.publishers + self.consumers:
            each.ready.wait(20)

    # -- as list_queues tells -----------------------------------------------------------------------------------------

    def row(self, queue, at):
        rows = json.loads(at.ctl("list_queues", "--formatter", "json", "name", "pid", "slave_pids", "synchronised_slave_pids",
                                 "messages", "messages_unacknowledged"))
        return next((each for each in rows if each["name"] == queue), None)

    def member_of(self, pid):
        return next(each for each in self.cluster if each.node in pid)

    def master_of(self, queue, at):
        return self.member_of(self.row(queue, at)["pid"])

    def mirrors_of(self, queue, at):
        return [self.member_of(pid) for pid in self.row(queue, at)["slave_pids"]]

    def await_in_sync(self, at, timeout_s=SYNC_S):
        """Seconds it took."""
        began, seen = time.monotonic(), []

        def reached():
            seen[:] = [self.row(queue, at) for queue in (self.one, self.many)]
            return all(row and len(row["synchronised_slave_pids"] or []) >= self.mirrors for row in seen)

        if not process.wait_until(reached, timeout_s, 0.05):
            raise AssertionError(f"not in sync after {timeout_s} s: {seen}")
        return time.monotonic() - began

    # -- the end ------------------------------------------------------------------------------------------------------

    def finish(self, at):
        """Everything that was promised holds; returns figures."""
        silent, unknown = 0, 0
        for each in self.publishers:
            each.stopping.set()
        for each in self.publishers:
            more = each.finish(NACK_S + 15)
            silent, unknown = silent + more[0], unknown + more[1]
        wrong = []
        if silent:
            wrong.append(f"{silent} publishes were neither confirmed nor nacked")

        def drained():
            rows = [self.row(queue, at) for queue in (self.one, self.many)]
            return all(row and row["messages"] == 0 for row in rows)

        if not process.wait_until(drained, 30, 0.2):
            wrong.append(f"queues do not drain: {[self.row(queue, at) for queue in (self.one, self.many)]}")
        time.sleep(0.2)
        for each in self.consumers:
            each.finish()
        ledgers = [Ledger(self.one, self.publishers, self.consumers[:1]), Ledger(self.many, self.publishers, self.consumers[1:])]
        for ledger in ledgers:
            if ledger.lost:
                wrong.append(f"{ledger.queue}: {len(ledger.lost)} confirmed messages are lost: {sorted(ledger.lost)[:5]}...")
            if ledger.invented:
                wrong.append(f"{ledger.queue}: {len(ledger.invented)} messages nobody sent: {ledger.invented[:5]}")
        disorder = ledgers[0].out_of_order()
        if disorder:
            wrong.append(f"{self.one}: {len(disorder)} first deliveries out of order (source, number, after): {disorder[:5]}")
        if not all(ledger.confirmed for ledger in ledgers):
            wrong.append("nothing was confirmed")
        return wrong, {"confirmed": sum(len(each.confirmed) for each in ledgers), "lost": sum(len(each.lost) for each in ledgers),
                       "nacked": sum(each.nacked for each in ledgers), "unknown": unknown,
                       "again": sum(each.doubled for each in ledgers), "again unmarked": sum(each.unmarked for each in ledgers),
                       "again after ack": sum(each.again_after_ack(0.1) for each in ledgers)}


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
            gap = longest_gap_s(work.publishers, work.one, began)
            p50, p99 = latencies_ms(work.publishers, work.one, began, healed)
            more, figures = work.finish(self.others(master)[0])
            wrong += more
            figures = {"gap": gap, "in sync": in_sync, "p50 ms": p50, "p99 ms": p99, **figures}
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
