"""One address for the cluster (docs/load-balancing.md): the page's own commands and configurations, word for word but for the
address, with HAProxy and Keepalived of Debian on hosts of their own. A node is killed, then a balancer: the client goes on."""
import os
import re
import shutil
import subprocess
import threading
import time
import unittest

import pika

from harness import hosts, management, process
from harness.cluster import HostCluster

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/load-balancing.md")
QUEUE = "orders"


def block_after(text, words):
    """The first block of code after these words of the page."""
    after = text[text.index(words) + len(words):]
    return re.search(r"^```\n(.*?)^```$", after, re.MULTILINE | re.DOTALL).group(1)


class Publisher(threading.Thread):
    """Publishes numbers with confirms to the one address it knows, and begins anew where the connection ended."""

    def __init__(self, cluster, address):
        super().__init__(daemon=True)
        self.cluster, self.address = cluster, address
        self.confirmed, self.connections, self.stopping, self.error = [], 0, threading.Event(), None

    def connect(self):
        where = pika.ConnectionParameters(self.address, 5672, socket_timeout=2, heartbeat=4, connection_attempts=1,
                                          blocked_connection_timeout=5, credentials=pika.PlainCredentials("admin", "123"))
        connection = self.cluster.network.on("client", lambda: pika.BlockingConnection(where))
        channel = connection.channel()
        channel.confirm_delivery()
        self.connections += 1
        return connection, channel

    def run(self):
        number = 0
        try:
            while not self.stopping.is_set():
                try:
                    connection, channel = self.connect()
                    while not self.stopping.is_set():
                        channel.basic_publish("", QUEUE, b"%d" % number, pika.BasicProperties(delivery_mode=2), mandatory=True)
                        self.confirmed.append(number)
                        number += 1
                        self.stopping.wait(0.01)
                    connection.close()
                except (pika.exceptions.AMQPError, OSError):
                    self.stopping.wait(0.1)
        except BaseException as why:  # handed on by stop()
            self.error = why

    def goes_on(self, timeout_s):
        """The seconds until something is confirmed that was published from now on."""
        began, before = time.monotonic(), len(self.confirmed) + 1
        if not process.wait_until(lambda: len(self.confirmed) > before or self.error, timeout_s, 0.02):
            return None
        return time.monotonic() - began

    def stop(self):
        self.stopping.set()
        self.join(20)
        if self.error:
            raise self.error


class LoadBalancingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not hosts.available():
            raise unittest.SkipTest("needs root and network namespaces")
        missing = [name for name in ("haproxy", "keepalived") if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None]
        if missing:
            raise AssertionError(f"scripts/setup installs {', '.join(missing)}, which this test runs")
        with open(PAGE) as file:
            cls.page = file.read()
        cls.running = {}
        cls.cluster = HostCluster(3, more=("balancer1", "balancer2"))
        cls.network = cls.cluster.network
        cls.address = cls.network.addresses["balancer1"].rsplit(".", 1)[0] + ".70"
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.beside = cls.start_balancers
        cls.cluster.open()
        for line in block_after(cls.page, "in place of `check`:").splitlines():
            program, *arguments = line.split()
            assert program == "rabbitmqctl", line
            cls.cluster["node1"].ctl(*arguments)
        cls.cluster["node1"].ctl("set_policy", "ha", ".*", '{"ha-mode":"all"}')

    @classmethod
    def start_balancers(cls):
        """While the nodes are still starting: Keepalived takes its time."""
        for name, priority in (("balancer1", 101), ("balancer2", 100)):
            cls.start_balancer(name, priority)

    @classmethod
    def start_balancer(cls, name, priority):
        folder = os.path.join(cls.cluster.root, name)
        os.makedirs(folder)
        kept = block_after(cls.page, "`/etc/keepalived/keepalived.conf`")
        assert kept.count("10.211.55.70/24") == 1 and kept.count("priority 101") == 1, kept
        kept = kept.replace("10.211.55.70/24", cls.address + "/24").replace("priority 101", f"priority {priority}")
        for file, text in (("haproxy.cfg", block_after(cls.page, "`/etc/haproxy/haproxy.cfg`")), ("keepalived.conf", kept)):
            with open(os.path.join(folder, file), "w") as out:
                out.write(text)
        cls.run_on(name, "haproxy", ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"])
        cls.run_on(name, "keepalived", ["keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", f"{folder}/keepalived.conf",
                                        "-p", f"{folder}/pid", "-r", f"{folder}/vrrp.pid"])

    @classmethod
    def run_on(cls, host, what, line):
        log = os.path.join(cls.cluster.root, host, what + ".log")
        env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        with open(log, "w") as out:
            running = subprocess.Popen(cls.network.command(host, line), stdout=out, stderr=subprocess.STDOUT, env=env)
        cls.running[host, what] = running, log
        cls.addClassCleanup(cls.end, host, what)

    @classmethod
    def end(cls, host, what):
        """As pulling the plug: keepalived's parent takes its child with it."""
        running, _ = cls.running[host, what]
        if running.poll() is None:
            running.terminate()
            try:
                running.wait(5)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()

    def logs(self):
        return "\n".join(f"-- {host} {what}\n{open(log).read()[-1500:]}" for (host, what), (_, log) in self.running.items())

    def eventually(self, condition, what, timeout_s=30):
        if not process.wait_until(condition, timeout_s, 0.05):
            self.fail(f"not within {timeout_s} s: {what}\n{self.logs()}")

    def answers(self, path="/whoami"):
        """Does the API answer at the one address?"""
        try:
            api = management.Api(15672, "admin", "123", host=self.address)
            return self.network.on("client", lambda: api.call("GET", path)[0]) == 200
        except OSError:
            return False

    def holder(self):
        """The balancers that have the address."""
        return [name for name in ("balancer1", "balancer2")
                if self.address + "/" in subprocess.run(["ip", "-n", self.network.space(name), "-4", "addr", "show", "eth0"],
                                                        capture_output=True, text=True).stdout]

    def node_of(self):
        """Where the one client is connected to; None while it is not known."""
        rows = [row for row in self.ask_any("/connections") if row["user"] == "admin"]
        return rows[0]["node"].split("@")[1] if len(rows) == 1 else None

    def ask_any(self, path):
        alive = next(each for each in self.cluster if each.alive())
        api = management.Api(15672, "admin", "123", host=alive.address)
        return self.network.on("client", lambda: api.get(path))

    def test_1_in_an_alarm_clients_come_through_although_no_node_is_ready(self):
        self.eventually(lambda: self.holder() == ["balancer1"], "the first balancer has the address")
        self.eventually(self.answers, "the management API answers at the address")
        self.cluster["node2"].ctl("set_vm_memory_high_watermark", "0")
        self.addCleanup(self.cluster["node2"].ctl, "set_vm_memory_high_watermark", "0.6")
        ready = lambda: self.answers("/health/checks/ready-to-serve-clients")
        self.eventually(lambda: not any(ready() for _ in range(3)), "all nodes say so")
        time.sleep(2.5)  # for HAProxy to have asked each node twice
        connection, channel = Publisher(self.cluster, self.address).connect()
        channel.queue_declare("during-an-alarm", durable=True)
        channel.queue_delete("during-an-alarm")
        connection.close()

    def test_2_a_client_that_knows_one_address_goes_on_when_its_node_and_its_balancer_are_lost(self):
        self.eventually(lambda: self.holder() == ["balancer1"], "the first balancer has the address")
        self.eventually(self.answers, "the management API answers at the address")
        channel = self.cluster["node1"].pika().channel()
        channel.queue_declare(QUEUE, durable=True)
        channel.connection.close()
        publisher = Publisher(self.cluster, self.address)
        publisher.start()
        self.addCleanup(publisher.stop)
        self.eventually(lambda: len(publisher.confirmed) > 10, "messages are confirmed")
        self.eventually(lambda: self.node_of(), "the client's connection is shown")
        self.eventually(lambda: len(self.ask_any(f"/queues/%2F/{QUEUE}").get("synchronised_slave_nodes", [])) == 2, "copies in sync")
        lost = self.node_of()
        self.cluster[lost].kill()
        took = publisher.goes_on(30)
        self.assertIsNotNone(took, f"the client goes on without {lost}\n{self.logs()}")
        self.eventually(lambda: self.node_of() not in (lost, None), "the client is at another node")
        self.eventually(lambda: self.holder() == ["balancer1"], "the address stays where it is")
        self.eventually(self.answers, "the API answers through the balancer")
        self.end("balancer1", "haproxy")
        moved = publisher.goes_on(30)
        self.assertIsNotNone(moved, f"the client goes on through the other balancer\n{self.logs()}")
        self.eventually(lambda: self.holder() == ["balancer2"], "the other balancer has the address")
        self.eventually(self.answers, "the API answers through the other balancer")
        publisher.stop()
        print(f"(went on {took:.2f} s after its node, {moved:.2f} s after its balancer was lost; {len(publisher.confirmed)} confirmed) ",
              end="", flush=True)
        self.check_nothing_confirmed_is_missing(publisher)

    def check_nothing_confirmed_is_missing(self, publisher):
        alive = next(each for each in self.cluster if each.alive())
        channel = alive.pika().channel()
        held = set()
        while True:
            got, _, body = channel.basic_get(QUEUE, auto_ack=True)
            if got is None:
                break
            held.add(int(body))
        channel.connection.close()
        self.assertEqual(set(publisher.confirmed) - held, set())


if __name__ == "__main__":
    unittest.main()
