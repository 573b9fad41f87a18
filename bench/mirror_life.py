"""What bench/cluster measures of mirrored queues besides rates: restarts, drains, idle queues and copies made anew.

Clients and ledger are those of the end-to-end tests (harness/steady.py): they connect again 0.1 s after a break.
"""

import os
import statistics
import time

import brokers
import cluster_nodes
import mirror_runs
from harness.client import Client
from harness.steady import Consumer, Ledger, Publisher

ACKED_BEFORE_S = 0.1  # an ack this old must have been heard of
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Seat:
    """A node as the clients of the end-to-end tests want it."""

    def __init__(self, node):
        self.name, self.port = node.node, node.port

    def client(self, **more):
        return Client(self.port, **more)


def around(cluster, first):
    """All nodes, beginning with one: where a client goes, and goes next."""
    return [Seat(cluster.nodes[(first + step) % 3]) for step in range(3)]


def longest_gap_s(publisher, since, until):
    times = [since] + [when for when, *_ in list(publisher.confirmed[mirror_runs.QUEUE]) if since <= when <= until] + [until]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def acked_again(consumers):
    """Messages delivered again although their ack had had ACKED_BEFORE_S to arrive: until its connection broke, or until it
    came again. What is sent while the broker closes a connection is not read any more, by any broker."""
    acked = {}
    for consumer in consumers:
        breaks = sorted(when for when, _, _ in consumer.breaks)
        for which, when in consumer.acked.items():
            ended = next((at for at in breaks if at > when), float("inf"))
            acked[which] = min((when, ended), acked.get(which, (float("inf"), 0)))
    return sum(when > acked[source, number][0] and min(when, acked[source, number][1]) - acked[source, number][0] > ACKED_BEFORE_S
               for consumer in consumers for when, source, number, _ in consumer.seen)


def rolling_restart(options, cluster):
    """Each node stops and starts in turn while 2,000 messages a second are published and consumed through all of them."""
    mirror_runs.mirror(cluster)
    consumers = [Consumer(around(cluster, at), mirror_runs.QUEUE) for at in range(3)]
    publishers, stayed, moved = [], [], []
    for node in cluster.nodes * options.rounds:
        mine = [Publisher(around(cluster, at), [mirror_runs.QUEUE], mirror_runs.PACE_PER_S / 3) for at in range(3)]
        for each in mine + consumers:
            each.ready.wait(20)
        time.sleep(1)
        began = time.monotonic()
        node.stop()
        node.start()
        cluster.await_all()
        mirror_runs.await_in_sync(cluster, cluster.nodes[0])
        time.sleep(1)
        until = time.monotonic()
        for each in mine:
            (stayed if each.steady_since(began) else moved).append(longest_gap_s(each, began, until))
            each.finish(30)  # the next ones are on all nodes again
        publishers += mine
    brokers.wait_for(lambda: mirror_runs.the_queue(cluster, cluster.nodes[0])["messages"] == 0, 30)
    for each in consumers:
        each.finish()
    ledger = Ledger(mirror_runs.QUEUE, publishers, consumers)
    return {"stall s": max(stayed), "stall of who lost its node s": max(moved), "acked again": acked_again(consumers),
            "delivered again": ledger.doubled, "confirmed but lost": len(ledger.lost)}


def drain_master(options, cluster):
    """rabbitmq-upgrade drain of the master's node: the longest time without a confirm for a publisher of another node."""
    gaps, moved = [], 0
    for _ in range(options.losses):
        mirror_runs.mirror(cluster)
        master = mirror_runs.master_of(cluster)
        others = [node for node in cluster.nodes if node is not master]
        publisher = Publisher([Seat(others[0]), Seat(others[1])], [mirror_runs.QUEUE], mirror_runs.PACE_PER_S)
        publisher.ready.wait(20)
        time.sleep(1)
        began = time.monotonic()
        cluster.ctl(master, "drain", tool="rabbitmq-upgrade")
        time.sleep(0.5)
        gaps.append(longest_gap_s(publisher, began, time.monotonic()))
        moved += mirror_runs.master_of(cluster) is not master
        cluster.ctl(master, "revive", tool="rabbitmq-upgrade")
        publisher.finish(30)
        mirror_runs.await_in_sync(cluster, cluster.nodes[0])
        mirror_runs.delete(cluster.nodes[0])
    if moved != options.losses:
        raise brokers.BrokerError(f"only {moved} of {options.losses} masters have left their node")
    return {"gap p50 ms": statistics.median(gaps) * 1000, "gap worst ms": max(gaps) * 1000}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def await_balance(cluster, seconds=900):
    """Masters move to nodes with fewer of them, a few at a time; until none has moved for ten seconds."""
    end, last, masters = time.monotonic() + seconds, None, []
    while masters != last:
        if time.monotonic() > end:
            raise brokers.BrokerError(f"masters still move after {seconds} s")
        last = masters
        time.sleep(10)
        masters = sorted((row["name"], row["pid"]) for row in mirror_runs.rows(cluster, cluster.nodes[0]))


def idle_queues(options, cluster):
    """10,000 mirrored durable queues that nobody uses: processor time of each node."""
    cluster.ctl(cluster.nodes[0], "set_policy", "ha-all", "^many", '{"ha-mode":"all","ha-sync-mode":"automatic"}')
    began = time.monotonic()
    cluster_nodes.fill(cluster.nodes[0], options.queues, 0)
    built = time.monotonic() - began
    in_sync = lambda: sum(len(row["synchronised_slave_pids"] or []) for row in mirror_runs.rows(cluster, cluster.nodes[0]))
    if not brokers.wait_for(lambda: in_sync() == 2 * options.queues, 300):
        raise brokers.BrokerError(f"{in_sync()} copies of {options.queues} queues are in sync after 300 s")
    await_balance(cluster)
    before, began = [cpu_s(node.pid) for node in cluster.nodes], time.monotonic()
    time.sleep(options.idle_seconds)
    spent = time.monotonic() - began
    used = [100 * (cpu_s(node.pid) - was) / spent for node, was in zip(cluster.nodes, before)]
    resident = [cluster_nodes.peak_mib(node.pid) for node in cluster.nodes]
    return {"% of a core": max(used), "built in s": built, "peak MiB": max(resident)}


def resync(options, cluster):
    """A third copy of 1 M messages of 1 KiB is made while messages are published: their rate before and meanwhile."""
    one, two, three = cluster.nodes
    pair = f'{{"ha-mode":"nodes","ha-params":["{one.node}","{two.node}"],"ha-sync-mode":"automatic"}}'
    cluster.ctl(one, "set_policy", "ha-all", "^mirrored", pair)
    mirror_runs.warren_bench(options, one, "publish", "--name", mirror_runs.QUEUE.removesuffix(".0"), "--size", "1Ki",
                             "--persistent", "--confirm", "1000", "--messages", str(options.backlog))
    publisher = Publisher([Seat(one)], [mirror_runs.QUEUE], options.pace)
    publisher.ready.wait(20)
    time.sleep(1)
    alone = confirmed_in(publisher, 5)
    began = time.monotonic()
    cluster.ctl(one, "set_policy", "ha-all", "^mirrored", '{"ha-mode":"all","ha-sync-mode":"automatic"}')
    mirror_runs.await_in_sync(cluster, one, 600)
    ended = time.monotonic()
    times = [when for when, *_ in list(publisher.confirmed[mirror_runs.QUEUE]) if began <= when <= ended]
    gap = longest_gap_s(publisher, began, ended)
    publisher.finish(60)
    return {"rate meanwhile %": 100 * len(times) / (ended - began) / alone, "rate alone": alone, "copied in s": ended - began,
            "longest gap s": gap, "peak MiB": cluster_nodes.peak_mib(three.pid)}


def confirmed_in(publisher, seconds):
    """Messages confirmed a second."""
    before = len(publisher.confirmed[mirror_runs.QUEUE])
    time.sleep(seconds)
    return (len(publisher.confirmed[mirror_runs.QUEUE]) - before) / seconds
