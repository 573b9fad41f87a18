"""Starting and stopping the brokers that are compared: each in a directory of its own, on free ports of the loopback."""

import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess
import time

RABBITMQ_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 120


class BrokerError(Exception):
    """A broker did not start or died; the text says which and where its log is."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_amqp(port):
    """Whether a server on this port answers the protocol header with a method frame, which is connection.start."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) == b"\x01"
    except OSError:
        return False


def accepts(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, seconds):
    """Polls every 2 ms, which is the resolution of the start times reported. Returns whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


class Broker:
    """Life cycle: start, stop and start any number of times, close. `pid` is the process whose cost is
    measured; it may be a child of `process`, and both are in a process group of their own."""

    name = ""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.process = None
        self.pid = 0
        os.makedirs(directory, exist_ok=True)

    def start(self):
        """Starts on what the directory holds. Returns the seconds from the start of the process to connection.start."""
        began = time.monotonic()
        self.process = self.launch()
        wait_for(lambda: self.process.poll() is not None or answers_amqp(self.port), START_TIMEOUT_S)
        ready = time.monotonic() - began
        if self.process.poll() is not None:
            raise BrokerError(f"{self.name} exited with {self.process.returncode}:\n{self.last_words()}")
        if not answers_amqp(self.port):
            raise BrokerError(f"{self.name} does not answer on port {self.port}:\n{self.last_words()}")
        self.pid = self.find_pid()
        return ready

    def stop(self):
        """Stops in the orderly way, by force when that takes too long."""
        if self.process is None:
            return
        process, pid, self.process, self.pid = self.process, self.pid, None, 0
        self.send(pid or process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise BrokerError(f"{self.name} did not stop within {STOP_TIMEOUT_S} s and was killed") from None

    def close(self):
        self.stop()

    @staticmethod
    def send(pid, signal_number):
        """A broker that has died is no error here: the run that meets it says so."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)

    def last_words(self):
        with open(self.log_file(), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def log_file(self):
        return os.path.join(self.directory, "output")

    def open_log(self):
        return open(self.log_file(), "ab")

    def find_pid(self):
        return self.process.pid

    def launch(self):
        raise NotImplementedError


class Warren(Broker):
    name = "warren"

    def __init__(self, directory, program):
        super().__init__(directory)
        self.program = program

    def launch(self):
        with self.open_log() as log:
            return subprocess.Popen(
                [self.program, "--data", os.path.join(self.directory, "data"), "--port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


class Rabbit(Broker):
    """Debian's RabbitMQ with its default configuration, under a node name, ports and a port mapper of its own."""

    name = "rabbitmq"

    def __init__(self, directory):
        super().__init__(directory)
        self.mapper_port = free_port()
        self.distribution_port = free_port()
        self.mapper = None

    def environment(self):
        here = self.directory
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": here,  # the cookie
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"compare{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": os.path.join(here, "mnesia"),
            "RABBITMQ_LOG_BASE": os.path.join(here, "log"),
            "RABBITMQ_PID_FILE": self.pid_file(),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": os.path.join(here, "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(here, "enabled_plugins"),
        }

    def pid_file(self):
        return os.path.join(self.directory, "pid")

    def start(self):
        # Without a port mapper that answers, the node would start one of its own and leave it behind.
        if self.mapper is None:
            with self.open_log() as log:
                self.mapper = subprocess.Popen(
                    ["epmd", "-port", str(self.mapper_port), "-address", "127.0.0.1"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            if not wait_for(lambda: accepts(self.mapper_port), START_TIMEOUT_S):
                raise BrokerError(f"epmd does not listen on port {self.mapper_port}")
        return super().start()

    def close(self):
        try:
            super().close()
        finally:
            if self.mapper is not None:
                self.mapper.terminate()
                self.mapper.wait()
                self.mapper = None

    def launch(self):
        with self.open_log() as log:
            return subprocess.Popen([RABBITMQ_SERVER], env=self.environment(), cwd=self.directory,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def find_pid(self):
        with open(self.pid_file(), encoding="ascii") as file:
            return int(file.read())


def rabbitmq_version():
    """The version in the package's own directory name, or nothing when it is not installed."""
    found = glob.glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*")
    if not found or not shutil.which("epmd"):
        return None
    return os.path.basename(found[0]).removeprefix("rabbitmq_server-")


def install_rabbitmq():
    """Installs Debian's package and stops the service it may have started."""
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.run(as_root + ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "install", "-y",
                              "--no-install-recommends", "rabbitmq-server"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(as_root + ["service", "rabbitmq-server", "stop"], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
