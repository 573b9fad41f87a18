"""Mirrored queues with clients at work on three nodes (a HostCluster), and how to find out whether all promises were kept."""
import json
import time

from . import process
from .steady import Consumer, Ledger, Publisher

RATE = 2000  # messages a second, over two queues and three nodes
NACK_S = 30  # what is not confirmed until then is nacked
SYNC_S = 40
POLICIES = {"all": ('{"ha-mode":"all"}', 2), "two": ('{"ha-mode":"exactly","ha-params":2}', 1), "quorum": (None, 2)}


class Work:
    """Two queues, and clients on every node: `one` has one consumer, that sees the order; `many` has one on each node."""

    def __init__(self, cluster, policy, name):
        self.cluster, self.policy = cluster, policy
        pattern, self.mirrors = POLICIES[policy]
        self.one, self.many = f"{policy}.{name}.one", f"{policy}.{name}.many"
        self.publishers, self.consumers = [], []
        first = cluster.members[0]
        if pattern:
            first.ctl("set_policy", policy, f"^{policy}[.]", pattern)
        client = first.client()
        for queue in (self.one, self.many):
            client.declare(queue, durable=True, arguments={} if pattern else {"x-queue-type": "quorum"})
        client.close()
        self.await_in_sync(first)

    def begin(self, consume=True):
        """Clients of all nodes; the first publisher, and the only consumer of `one`, are not on its master's."""
        members = self.cluster.members
        start = (members.index(self.master_of(self.one, members[1])) + 1) % 3
        self.around = [[members[(start + first + index) % 3] for index in range(3)] for first in range(3)]
        self.publishers = [Publisher(each, [self.one, self.many], RATE / 6) for each in self.around]
        self.consumers = []
        if consume:
            self.consume()
        for each in self.publishers:
            each.ready.wait(20)

    def consume(self):
        """Unless that has begun."""
        if not self.consumers:
            self.consumers = [Consumer(self.around[0], self.one)] + [Consumer(each, self.many) for each in self.around]
            for each in self.consumers:
                each.ready.wait(20)

    # -- as list_queues tells -----------------------------------------------------------------------------------------

    def row(self, queue, at):
        rows = json.loads(at.ctl("list_queues", "--formatter", "json", "name", "pid", "slave_pids", "synchronised_slave_pids",
                                 "messages", "messages_unacknowledged", "leader", "online"))
        return next((each for each in rows if each["name"] == queue), None)

    def member_of(self, pid):
        return next(each for each in self.cluster if each.node in pid)

    def master_of(self, queue, at):
        return self.member_of(self.row(queue, at)["pid"])

    def mirrors_of(self, queue, at):
        row = self.row(queue, at)
        if self.policy == "quorum":
            return [self.member_of(node) for node in row["online"] if node != row["leader"]]
        return [self.member_of(pid) for pid in row["slave_pids"]]

    def await_in_sync(self, at, timeout_s=SYNC_S):
        """Seconds it took."""
        began, seen = time.monotonic(), []

        def reached():
            seen[:] = [self.row(queue, at) for queue in (self.one, self.many)]
            return all(row and self.complete(row) for row in seen)

        if not process.wait_until(reached, timeout_s, 0.05):
            raise AssertionError(f"not in sync after {timeout_s} s: {seen}")
        return time.monotonic() - began

    def complete(self, row):
        if self.policy == "quorum":  # tools say of its members who is online, as RabbitMQ's
            return row["leader"] in row["online"] and len(row["online"]) == 3
        return len(row["synchronised_slave_pids"] or []) >= self.mirrors

    # -- the end ------------------------------------------------------------------------------------------------------

    def finish(self, at):
        """Ends the clients; what does not hold of all that was promised, and figures."""
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
