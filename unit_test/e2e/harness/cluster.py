"""Clusters of real nodes: on this machine's loopback (LocalCluster), or on hosts of their own (HostCluster, needs root).

A member is a home folder with cookie, data and log, and the programs an operator would run there. Not thread-safe, but
for `ctl`, `run` and the clients.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pika

from . import hosts, process
from .client import Client
from .options import options

BOOT_S = 60
WAIT_S = 60  # for what takes seconds at most, on a machine that has other things to do
COOKIE = "COOKIEOFTHETESTS"


class Member:
    """One node of a cluster: `name` is for tests, `node` its name among nodes."""

    def __init__(self, root, name, node, address, port=5672, env=None):
        self.name, self.node, self.address, self.port = name, node, address, port
        self.home = os.path.join(root, name)
        os.makedirs(os.path.join(self.home, "run"), 0o700)
        self.env = {**os.environ, "HOME": self.home, "XDG_RUNTIME_DIR": os.path.join(self.home, "run"),
                    "RABBITMQ_MNESIA_BASE": os.path.join(self.home, "data"),
                    "RABBITMQ_LOG_BASE": os.path.join(self.home, "log"), **(env or {})}

    def command(self, line):
        """`line` as it is run where the member lives."""
        return line

    def on_host(self, function):
        """Calls `function` where the clients are."""
        return function()

    @property
    def cookie(self):
        return os.path.join(self.home, ".erlang.cookie")

    def write_cookie(self, text=COOKIE):
        with open(self.cookie, "w") as file:
            file.write(text)
        os.chmod(self.cookie, 0o400)

    def configure(self, text):
        path = os.path.join(self.home, "rabbitmq.conf")
        with open(path, "w") as file:
            file.write(text)
        self.env["RABBITMQ_CONFIG_FILE"] = path

    # -- programs -----------------------------------------------------------------------------------------------------

    def run(self, program, *arguments, timeout_s=120):
        """Standard output and error as the operator sees them, and the exit code."""
        folder = "apps/server" if program == "warren-server" else "apps/ctl"
        line = self.command([os.path.join(options.build, folder, program), *arguments])
        done = subprocess.run(line, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout_s)
        return done.returncode, done.stdout

    def ctl(self, *arguments, code=0):
        got, text = self.run("rabbitmqctl", *arguments)
        if got != code:
            raise AssertionError(f"[{self.name}]# rabbitmqctl {' '.join(arguments)} ended with {got}\n{text}")
        return text

    def status(self):
        return json.loads(self.ctl("cluster_status", "--formatter", "json"))

    # -- life ---------------------------------------------------------------------------------------------------------

    def spawn(self):
        code, text = self.run("warren-server", "-detached")
        if code != 0:
            raise AssertionError(f"[{self.name}]# warren-server -detached ended with {code}\n{text}")

    def await_startup(self):
        code, text = self.run("rabbitmqctl", "await_startup", "--timeout", str(BOOT_S), timeout_s=BOOT_S + 10)
        if code != 0:
            raise AssertionError(f"{self.name} does not start:\n{text}\n{self.log()[-3000:]}")

    def start(self):
        self.spawn()
        self.await_startup()

    @property
    def pid(self):
        try:
            with open(os.path.join(self.home, "data", self.node, f"{self.node}.pid")) as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def alive(self):
        pid = self.pid
        return pid is not None and process.lives(pid)

    def kill(self):
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        process.wait_until(lambda: not process.lives(pid), WAIT_S, 0.001)

    def stop(self):
        self.ctl("stop")
        if not process.wait_until(lambda: not self.alive(), WAIT_S):
            raise AssertionError(f"{self.name} still runs {WAIT_S} s after it was told to stop")

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def rss_mib(self):
        return process.status_kib(self.pid, "VmRSS") / 1024

    def log(self):
        """Everything in the node's log files; "" before there are any."""
        files = sorted(glob.glob(os.path.join(self.home, "log", "*.log")))
        return "".join(open(name, errors="replace").read() for name in files)

    # -- clients ------------------------------------------------------------------------------------------------------

    user, password = "guest", "guest"

    def client(self, **more):
        """A raw client (client.py) of this node."""
        more = {"user": self.user, "password": self.password, **more}
        return self.on_host(lambda: Client(self.port, host=self.address, **more))

    def pika(self, **more):
        where = pika.ConnectionParameters(self.address, self.port, socket_timeout=WAIT_S, connection_attempts=1,
                                          blocked_connection_timeout=WAIT_S,
                                          credentials=pika.PlainCredentials(self.user, self.password), **more)
        return self.on_host(lambda: pika.BlockingConnection(where))


class Host(Member):
    """A machine of its own, with a name and an address in a network of namespaces."""

    def __init__(self, network, name, root, env=None, client=None):
        super().__init__(root, name, f"rabbit@{name}", network.addresses[name], env=env)
        self.network = network
        self.client_host = client or name

    def command(self, line):
        return self.network.command(self.name, line)

    def on_host(self, function):
        return self.network.on(self.client_host, function)


class Cluster:
    """Several members; `open` boots and joins them. `config` is text in rabbitmq.conf's syntax for each of them."""

    def __init__(self, config=""):
        self.root = tempfile.mkdtemp(prefix="warren-cluster-")
        self.config = config
        self.members = []

    def __getitem__(self, name):
        return next(member for member in self.members if member.name == name)

    def __iter__(self):
        return iter(self.members)

    def open(self, wait=True):
        """`wait`: until all have heard of each other."""
        try:
            self.prepare()
            for member in self.members:
                member.write_cookie()
                if self.config:
                    member.configure(self.config)
                member.spawn()
            for member in self.members:
                member.await_startup()
            for member in self.members[1:]:
                self.join(member, self.members[0])
            if wait:
                self.await_running(*self.members)
        except BaseException:
            self.close()
            raise
        return self

    def prepare(self):
        """What the members need before they start."""

    @staticmethod
    def join(member, seed):
        member.ctl("stop_app")
        member.ctl("join_cluster", seed.node)
        member.ctl("start_app")

    def await_running(self, *expected, at=None, timeout_s=WAIT_S):
        """Waits until each of `at`, by default of `expected`, sees exactly these running."""
        wanted = sorted(member.node for member in expected)
        for member in at or expected:
            seen = []

            def reached(member=member, seen=seen):
                seen[:] = sorted(member.status()["running_nodes"])
                return seen == wanted

            if not process.wait_until(reached, timeout_s, 0.05):
                raise AssertionError(f"{member.name} sees {seen} instead of {wanted}")

    def leader(self):
        """The member that led last, as the logs say: whoever began the highest term. At first it is the founder."""
        newest, who = 0, self.members[0]
        for member in self.members:
            for term in re.findall(r"this node leads the cluster's metadata, term (\d+)", member.log()):
                if int(term) > newest:
                    newest, who = int(term), member
        return who

    def close(self):
        for member in self.members:
            if member.alive():
                member.kill()
        shutil.rmtree(self.root, ignore_errors=True)


class LocalCluster(Cluster):
    """All on 127.0.0.1, each on ports of its own. Needs no rights."""

    def __init__(self, count=3, config=""):
        super().__init__(config)
        for number in range(1, count + 1):
            port, between = process.free_port(), process.free_port()
            env = {"RABBITMQ_NODENAME": f"node{number}@localhost", "RABBITMQ_NODE_PORT": str(port),
                   "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_DIST_PORT": str(between),
                   "XDG_RUNTIME_DIR": os.path.join(self.root, "run")}
            self.members.append(Member(self.root, f"node{number}", f"node{number}@localhost", "127.0.0.1", port, env))
        os.makedirs(os.path.join(self.root, "run"), 0o700)


class HostCluster(Cluster):
    """A host each, one for the clients, which no cut between nodes touches, and `more`. The clients' user is admin."""

    def __init__(self, count=3, config="", slow=(), more=()):
        super().__init__(config)
        names = [f"node{number}" for number in range(1, count + 1)]
        self.network = hosts.Network([*names, "client", *more], slow=slow)
        self.beside = None  # what is started on `more` as soon as there is a network
        for name in names:
            self.members.append(Host(self.network, name, self.root, client="client"))

    def prepare(self):
        self.network.open()
        if self.beside:
            self.beside()
        for member in self.members:
            member.user, member.password = "admin", "123"

    def open(self):
        super().open()
        first = self.members[0]
        first.ctl("add_user", "admin", "123")
        first.ctl("set_user_tags", "admin", "administrator")
        first.ctl("set_permissions", "admin", ".*", ".*", ".*")
        return self

    def cut_off(self, member):
        """From the other nodes, both ways; clients still reach it."""
        for other in self.members:
            if other is not member:
                self.network.cut(member.name, other.name)
                self.network.cut(other.name, member.name)

    def heal(self):
        self.network.heal()

    def close(self):
        for member in self.members:
            if member.alive():
                member.thaw()
        super().close()
        self.network.close()


class Background(threading.Thread):
    """Calls `step` again and again until `finish`, which hands on what it raised."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.stopping, self.error = step, threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step()
        except BaseException as error:  # handed on in finish()
            self.error = error

    def finish(self, timeout_s=30):
        self.stopping.set()
        self.join(timeout_s)
        if self.is_alive():
            raise AssertionError(f"background work still runs after {timeout_s} s")
        if self.error:
            raise self.error


def timed(action):
    """(seconds, value) of a call."""
    began = time.monotonic()
    value = action()
    return time.monotonic() - began, value
