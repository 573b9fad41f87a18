"""What bench/cluster measures of mirrored queues: ha-mode all on three nodes, a publisher on a node that survives."""

import json
import os
import signal
import statistics
import subprocess
import threading
import time

import brokers
from harness import raw
from harness.client import Client, Refused

QUEUE = "mirrored.0"
PACE_PER_S = 2000
WINDOW = 2000


def warren_bench(options, node, *arguments):
    command = [os.path.join(options.build, "apps/bench/warren-bench"), *arguments, "--port", str(node.port), "--quiet",
               "--json", "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise brokers.BrokerError(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def mirror(cluster):
    """The queue, mastered on node 1, in sync everywhere."""
    one = cluster.nodes[0]
    cluster.ctl(one, "set_policy", "ha-all", "^mirrored", '{"ha-mode":"all","ha-sync-mode":"automatic"}')
    client = Client(one.port)
    client.declare(QUEUE, durable=True)
    client.close()
    await_in_sync(cluster, cluster.nodes[0])


def await_in_sync(cluster, node, seconds=120):
    brokers.wait_for(lambda: mirrors_in_sync(cluster, node) == 2, seconds)


def mirrors_in_sync(cluster, node):
    row = the_queue(cluster, node)
    return len(row["synchronised_slave_pids"] or []) if row else 0


def the_queue(cluster, node):
    return next((row for row in rows(cluster, node) if row["name"] == QUEUE), None)


def rows(cluster, node):
    """As list_queues tells; none while the node cannot."""
    done = cluster.ctl(node, "-q", "list_queues", "--formatter", "json", "name", "pid", "synchronised_slave_pids", "messages",
                       check=False)
    return json.loads(done.stdout[done.stdout.index("["):]) if done.returncode == 0 else []


def delete(node):
    client = Client(node.port)
    client.call(1, raw.method(1, 50, 40, b"\x00\x00" + raw.short_string(QUEUE) + bytes([0])), "queue.delete-ok")
    client.close()


class PacedPublisher:
    """Publishes persistent messages of 1 KiB at a steady rate and notes when each was confirmed. Nothing it was told is
    confirmed may be missing in the end."""

    def __init__(self, node):
        self.client = Client(node.port, timeout_s=120)
        self.client.confirm()
        self.confirmed, self.nacked = [], []  # (number, time)
        self.sent_at, self.stopping = {}, threading.Event()
        self.lowest, self.error = 1, None
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self.send, self.listen)]
        for each in self.threads:
            each.start()

    def send(self):
        body, number, began = b"x" * 1016, 0, time.monotonic()
        while not self.stopping.is_set():
            due = int((time.monotonic() - began) * PACE_PER_S)
            while number < due and number - len(self.confirmed) - len(self.nacked) < WINDOW:
                number += 1
                self.sent_at[number] = time.monotonic()
                self.client.publish("", QUEUE, number.to_bytes(8, "big") + body, delivery_mode=2)
            if number - len(self.confirmed) - len(self.nacked) >= WINDOW:
                began = time.monotonic() - number / PACE_PER_S  # what could not be sent is not made up for
            time.sleep(0.002)

    def listen(self):
        try:
            while True:
                event = self.client.read_event_or_close()
                if event.name not in ("ack", "nack"):
                    continue
                now, to = time.monotonic(), self.confirmed if event.name == "ack" else self.nacked
                first = self.lowest if event.multiple else event.delivery_tag
                for number in range(first, event.delivery_tag + 1):
                    if number in self.sent_at and self.sent_at[number] is not None:
                        to.append((number, now, now - self.sent_at[number]))
                        self.sent_at[number] = None
                if event.multiple:
                    self.lowest = event.delivery_tag + 1
        except (Refused, OSError, raw.Closed) as error:
            self.error = error

    def longest_gap_s(self, since):
        """Between two confirms after `since`."""
        times = [since] + [when for _, when, _ in list(self.confirmed) if when >= since] + [time.monotonic()]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def stop(self):
        self.stopping.set()
        self.threads[0].join(10)
        end = time.monotonic() + 60
        while len(self.confirmed) + len(self.nacked) < len(self.sent_at) and time.monotonic() < end and not self.error:
            time.sleep(0.05)
        self.client.cut()
        return [number for number, _, _ in self.confirmed]


def drained(node):
    """The numbers of all messages of the queue, in order, each once."""
    client, numbers = Client(node.port, timeout_s=120), []
    client.qos(1000)
    client.consume(QUEUE, no_ack=False)
    last = time.monotonic()
    client.raw.socket.settimeout(3)
    try:
        while time.monotonic() - last < 3:
            event = client.read_event()
            if event.name == "deliver":
                numbers.append(int.from_bytes(event.body[:8], "big"))
                client.ack(event.delivery_tag)
                last = time.monotonic()
    except (TimeoutError, Refused, OSError):
        pass
    client.cut()
    return numbers


def publish_mirrored(options, cluster):
    """Messages a second, 1 KiB, persistent, 1000 confirms outstanding, ha-mode all, through the master's node."""
    mirror(cluster)
    done = warren_bench(options, cluster.nodes[0], "rates", "--name", "mirrored", "--consumers", "0", "--size", "1Ki",
                        "--persistent", "--confirm", "1000", "--seconds", str(options.seconds))
    return {"messages/s": done["publish_rate"] if "publish_rate" in done else done["rate"]}


def latency_mirrored(options, cluster):
    """Milliseconds to the confirm at 2,000 persistent messages a second, ha-mode all."""
    mirror(cluster)
    done = warren_bench(options, cluster.nodes[1], "rates", "--name", QUEUE.removesuffix(".0"), "--consumers", "0", "--size", "1Ki",
                        "--persistent", "--confirm", "1000", "--rate", "2000", "--seconds", str(options.seconds))
    return {"p50 ms": done["conf_p50_us"] / 1000, "p99 ms": done["conf_p99_us"] / 1000, "messages/s": done["publish_rate"]}


def lose_master(options, cluster, fault, repair, silent_s):
    """The longest time without a confirm, and how many confirmed messages are missing at the end."""
    gaps, returns, lost, doubled = [], [], 0, 0
    for _ in range(options.losses):
        mirror(cluster)
        publisher = PacedPublisher(cluster.nodes[1])
        time.sleep(2)
        master = master_of(cluster)
        if master is cluster.nodes[1]:
            raise brokers.BrokerError("the publisher is on the master's node")
        began = time.monotonic()
        fault(master)
        time.sleep(silent_s)
        repair(master)
        back = time.monotonic()
        time.sleep(3)
        gaps.append(publisher.longest_gap_s(began))
        confirmed = publisher.stop()
        cluster.await_all()
        await_in_sync(cluster, cluster.nodes[1])
        returns.append(time.monotonic() - back - 3)
        found = drained(cluster.nodes[1])
        lost += len(set(confirmed) - set(found))
        doubled += len(found) - len(set(found))
        delete(cluster.nodes[1])
    return {"gap p50 s": statistics.median(gaps), "gap worst s": max(gaps), "confirmed but lost": lost,
            "stored twice": doubled, "in sync again s": statistics.median(returns)}


def master_of(cluster):
    row = the_queue(cluster, cluster.nodes[1])
    return next(node for node in cluster.nodes if node.node in row["pid"])


def kill_master(options, cluster):
    """kill -9 of the master's node while 2,000 messages a second are published through another one."""
    return lose_master(options, cluster, cluster.kill, lambda node: node.start(), 4)


def freeze_master(options, cluster):
    """SIGSTOP of the master's node for 20 s, likewise."""
    return lose_master(options, cluster, lambda node: node.send(node.pid, signal.SIGSTOP),
                       lambda node: node.send(node.pid, signal.SIGCONT), 20)
