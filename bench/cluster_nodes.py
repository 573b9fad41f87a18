"""Clusters of three nodes on this machine, of Warren or of Debian's RabbitMQ: what bench/cluster measures."""

import os
import re
import signal
import subprocess
import time

import brokers
from harness.client import Client, encode_binding, encode_queue_declare


def fill(node, queues, bindings_each):
    """Through many channels at once, since each waits for the answer to its last change before it takes the next."""
    channels = range(1, 101)
    client = Client(node.port, timeout_s=600, channels=channels)
    client.exchange("many", "topic", durable=True)
    for first in range(0, queues, 1000):
        for number in range(first, min(first + 1000, queues)):
            channel = channels[number % len(channels)]
            data = encode_queue_declare(channel, f"many-{number}", False, True, False, False, True, None)
            for key in range(bindings_each):
                data += encode_binding(channel, 50, 20, f"many-{number}", "many", f"a.{number}.{key}", True, None)
            client.raw.socket.sendall(data)
        for channel in channels:
            client.barrier(channel)
    client.close()


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


class WarrenNode(brokers.Warren):
    """One node; all of a cluster share the folder in which nodes of this machine find each other, and the cookie."""

    def __init__(self, directory, build, number, shared):
        super().__init__(directory, os.path.join(build, "apps/server/warren-server"))
        self.node = f"bench{number}@localhost"
        self.tools = os.path.join(build, "apps/ctl")
        self.env = {**os.environ, "HOME": shared, "XDG_RUNTIME_DIR": shared, "RABBITMQ_NODENAME": self.node,
                    "RABBITMQ_DIST_PORT": str(brokers.free_port()), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                    "RABBITMQ_LOG_BASE": os.path.join(directory, "log")}

    def launch(self):
        with self.open_log() as log:
            return subprocess.Popen([self.program, "--data", os.path.join(self.directory, "data"), "--port", str(self.port)],
                                    env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def ctl_command(self, *arguments, tool="rabbitmqctl"):
        return [os.path.join(self.tools, tool), "-n", self.node, *arguments]

    def log_text(self):
        folder = os.path.join(self.directory, "log")
        return "".join(open(os.path.join(folder, name), errors="replace").read() for name in os.listdir(folder))

    def last_term_led(self):
        terms = re.findall(r"this node leads the cluster's metadata, term (\d+)", self.log_text())
        return max(map(int, terms), default=0)


class RabbitNode(brokers.Rabbit):
    """One node; all of a cluster share the port mapper and the cookie."""

    def __init__(self, directory, number, shared, mapper_port):
        super().__init__(directory)
        self.node, self.shared, self.mapper_port = f"bench{number}-{os.getpid()}@localhost", shared, mapper_port
        self.mapper = "the cluster's"  # brokers.Rabbit starts none

    def environment(self):
        return {**super().environment(), "HOME": self.shared, "RABBITMQ_NODENAME": self.node}

    @property
    def env(self):
        environment = self.environment()
        del environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
        return environment

    def ctl_command(self, *arguments, tool="rabbitmqctl"):
        return ["/usr/lib/rabbitmq/bin/" + tool, "-n", self.node, *arguments]

    def close(self):
        self.stop()

    def last_term_led(self):
        return 0


class Cluster:
    """Three nodes, the last `spare` of them started but not joined."""

    def __init__(self, directory, build, spare=0):
        self.directory, self.build, self.spare = directory, build, spare
        self.shared = os.path.join(directory, "shared")
        os.makedirs(self.shared, 0o700)
        self.nodes = []

    def open(self):
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                self.ctl(node, "await_startup")
            for node in self.nodes[1:len(self.nodes) - self.spare]:
                self.join(node)
        except BaseException:
            self.close()
            raise
        return self

    def join(self, node):
        self.ctl(node, "stop_app")
        self.ctl(node, "join_cluster", self.nodes[0].node)
        self.ctl(node, "start_app")

    @staticmethod
    def ctl(node, *arguments, check=True, tool="rabbitmqctl"):
        done = subprocess.run(node.ctl_command(*arguments, tool=tool), env=node.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if check and done.returncode != 0:
            raise brokers.BrokerError(f"{' '.join(arguments)} on {node.node} ended with {done.returncode}:\n{done.stdout}")
        return done

    @staticmethod
    def kill(node):
        process, pid = node.process, node.pid
        node.process, node.pid = None, 0
        os.kill(pid, signal.SIGKILL)
        process.wait()

    def leader(self):
        """Of Warren the node that leads the metadata; RabbitMQ has none, all are alike."""
        return max(self.nodes, key=lambda node: node.last_term_led())

    def await_all(self, seconds=120):
        """Until every node sees all of them."""
        for node in self.nodes:
            names = [each.node for each in self.nodes]
            end = time.monotonic() + seconds
            while True:
                text = self.ctl(node, "cluster_status", "--formatter", "json", check=False).stdout
                running = re.search(r'"running_nodes":\[(.*?)\]', text)
                if running and all(name in running.group(1) for name in names):
                    break
                if time.monotonic() > end:
                    raise brokers.BrokerError(f"{node.node} does not see all nodes after {seconds} s:\n{text}")
                time.sleep(0.1)

    def close(self):
        for node in self.nodes:
            try:
                if node.pid:
                    node.send(node.pid, signal.SIGCONT)
                node.close()
            except brokers.BrokerError as error:
                print(error)


class WarrenCluster(Cluster):
    name = "warren"

    def __init__(self, directory, build, spare=0):
        super().__init__(directory, build, spare)
        self.nodes = [WarrenNode(os.path.join(directory, str(number)), build, number, self.shared) for number in (1, 2, 3)]


class RabbitCluster(Cluster):
    name = "rabbitmq"

    def __init__(self, directory, build, spare=0):
        super().__init__(directory, build, spare)
        port = brokers.free_port()
        self.nodes = [RabbitNode(os.path.join(directory, str(number)), number, self.shared, port) for number in (1, 2, 3)]
        self.mapper = subprocess.Popen(["epmd", "-port", str(port), "-address", "127.0.0.1"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        brokers.wait_for(lambda: brokers.accepts(port), brokers.START_TIMEOUT_S)

    def close(self):
        super().close()
        self.mapper.terminate()
        self.mapper.wait()
