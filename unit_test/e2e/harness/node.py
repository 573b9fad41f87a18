"""Brokers to test: WarrenNode runs our programs, RabbitNode runs Debian's rabbitmq-server as the reference.

A node owns a temporary directory, a free port and a session of its own, so that every process it leaves behind is found.
"""
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from . import process
from .options import options

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
CTL_TIMEOUT_S = 120  # RabbitMQ's tool takes long to start on a busy machine


class NodeError(AssertionError):
    """The node did not do as told; the message carries the end of its output."""


class Node:
    """One broker process. Not thread-safe. `config` is text in rabbitmq.conf's syntax."""
    start_timeout_s = START_TIMEOUT_S

    def __init__(self, config="", data=None, env=None):
        self.root = tempfile.mkdtemp(prefix="warren-e2e-")
        self.data = data or os.path.join(self.root, "data")
        os.makedirs(self.data, exist_ok=True)
        self.port = process.free_port()
        self.config = config
        self.extra_env = env or {}
        self.child = None
        self.output_path = os.path.join(self.root, "output")
        if config:
            self.write_config(config)

    @property
    def config_path(self):
        return os.path.join(self.root, "broker.conf")

    def write_config(self, text):
        self.config = text
        with open(self.config_path, "w") as file:
            file.write(text)

    # -- life ---------------------------------------------------------------------------------------------------------

    def spawn(self):
        """Starts the process without waiting for it to serve."""
        assert self.child is None or self.child.poll() is not None
        with open(self.output_path, "ab") as output:
            self.child = subprocess.Popen(self.command(), env=self.environment(), stdin=subprocess.DEVNULL,
                                          stdout=output, stderr=output, cwd=self.root, start_new_session=True)

    def start(self):
        self.spawn()
        if not process.wait_until(lambda: self.child.poll() is not None or self.accepts(),
                                  self.start_timeout_s):
            raise NodeError(f"no listener on port {self.port} after {self.start_timeout_s} s\n{self.output_tail()}")
        if self.child.poll() is not None:
            raise NodeError(f"node ended at start with {self.child.returncode}\n{self.output_tail()}")
        return self

    def accepts(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as probe:
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return len(probe.recv(7)) == 7
        except OSError:
            return False

    def terminate(self):
        """SIGTERM; returns the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def wait(self, timeout_s=STOP_TIMEOUT_S):
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise NodeError(f"node still runs after {timeout_s} s\n{self.output_tail()}") from None

    def kill(self):
        """SIGKILL to every process of the node, as a power cut would."""
        for pid in process.processes_of_session(self.child.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait(STOP_TIMEOUT_S)

    def restart(self):
        code = self.terminate()
        if code != 0:
            raise NodeError(f"SIGTERM ended with {code}\n{self.output_tail()}")
        return self.start()

    def close(self):
        """Stops the node and checks the promise of every test: exit code 0 and no process left behind."""
        problems = []
        try:
            if self.child and self.child.poll() is None:
                code = self.terminate()
                if code != 0:
                    problems.append(f"exit code {code} at SIGTERM")
        except NodeError as error:
            problems.append(str(error))
        if self.child:
            process.wait_until(lambda: not process.processes_of_session(self.child.pid), STOP_TIMEOUT_S)
            stray = process.processes_of_session(self.child.pid)
            for pid in stray:
                os.kill(pid, signal.SIGKILL)
            if stray:
                problems.append(f"stray processes {stray}")
        tail = self.output_tail() if problems else ""
        self.release()
        shutil.rmtree(self.root, ignore_errors=True)
        if problems:
            raise NodeError("; ".join(problems) + "\n" + tail)

    def release(self):
        """What a broker needs to let go of after its processes ended."""

    @property
    def node_name(self):
        return f"e2e{self.port}@localhost"

    # -- facts --------------------------------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.child.pid

    def rss_mib(self):
        return process.status_kib(self.pid, "VmRSS") / 1024

    def peak_rss_mib(self):
        return process.status_kib(self.pid, "VmHWM") / 1024

    def output(self):
        with open(self.output_path, errors="replace") as output:
            return output.read()

    def log(self):
        """Everything in the node's log files."""
        return "".join(open(name, errors="replace").read() for name in glob.glob(os.path.join(self.root, "log", "*.log")))

    def output_tail(self, lines=30):
        return "\n".join(self.output().splitlines()[-lines:])


class WarrenNode(Node):
    name = "warren"

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.control_port = process.free_port()
        os.mkdir(os.path.join(self.root, "run"), 0o700)

    def command(self):
        line = [os.path.join(options.build, "apps/server/warren-server"), "--data", self.data,
                "--nodename", self.node_name, "--port", str(self.port)]
        return line + (["--config", self.config_path] if os.path.exists(self.config_path) else [])

    def environment(self):
        """HOME and XDG_RUNTIME_DIR keep the cookie and the list of running nodes inside the test's own folder."""
        return {**os.environ, "HOME": self.root, "XDG_RUNTIME_DIR": os.path.join(self.root, "run"),
                "RABBITMQ_DIST_PORT": str(self.control_port), "RABBITMQ_LOG_BASE": os.path.join(self.root, "log"),
                **self.extra_env}

    def ctl(self, *arguments, check=True):
        line = [os.path.join(options.build, "apps/ctl/warrenctl"), "-n", self.node_name, *arguments]
        return run_ctl(line, self.environment(), check)

    def tool(self, name, *arguments):
        """rabbitmqctl, rabbitmq-diagnostics or rabbitmq-plugins; whatever its exit code."""
        line = [os.path.join(options.build, "apps/ctl", name), "-n", self.node_name, *arguments]
        return run_ctl(line, self.environment(), False)


class RabbitNode(Node):
    """Debian's rabbitmq-server: the oracle that shows the tests themselves to be right."""
    name = "rabbitmq"
    start_timeout_s = 180  # on a busy machine
    scripts = "/usr/lib/rabbitmq/bin"

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.epmd_port = process.free_port()
        self.dist_port = process.free_port()
        self.epmd = None
        open(os.path.join(self.root, "plugins"), "w").write("[rabbitmq_consistent_hash_exchange].\n")

    def spawn(self):
        if self.epmd is None:  # a child of ours, not the daemon that rabbitmq-server would leave behind
            self.epmd = subprocess.Popen(["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if not process.wait_until(lambda: process.accepts(self.epmd_port), START_TIMEOUT_S):
                raise NodeError(f"epmd does not listen on port {self.epmd_port}")
        super().spawn()

    def command(self):
        return [os.path.join(self.scripts, "rabbitmq-server")]

    def environment(self):
        env = {**os.environ, "HOME": self.root, "ERL_EPMD_PORT": str(self.epmd_port),
               "RABBITMQ_NODENAME": self.node_name, "RABBITMQ_NODE_PORT": str(self.port),
               "RABBITMQ_DIST_PORT": str(self.dist_port), "RABBITMQ_MNESIA_BASE": self.data,
               "RABBITMQ_LOG_BASE": os.path.join(self.root, "log"), "RABBITMQ_LOGS": "-",
               "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(self.root, "plugins"),
               "RABBITMQ_CONF_ENV_FILE": os.path.join(self.root, "no-env"),
               "RABBITMQ_CONFIG_FILE": self.config_path if self.config else os.path.join(self.root, "none"),
               "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none", **self.extra_env}
        return env

    @property
    def pid(self):
        for pid in [self.child.pid] + process.descendants(self.child.pid):
            try:
                with open(f"/proc/{pid}/comm") as comm:
                    if comm.read().startswith("beam"):
                        return pid
            except OSError:
                continue
        return self.child.pid

    def ctl(self, *arguments, check=True):
        line = [os.path.join(self.scripts, "rabbitmqctl"), "-n", self.node_name, *arguments]
        return run_ctl(line, self.tool_environment(), check)

    def tool(self, name, *arguments):
        line = [os.path.join(self.scripts, name), "-n", self.node_name, *arguments]
        return run_ctl(line, self.tool_environment(), False)

    def tool_environment(self):
        """Arguments of the server's own runtime are not for its tools."""
        env = self.environment()
        del env["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
        return env

    def release(self):
        if self.epmd:
            self.epmd.terminate()
            self.epmd.wait()


def ctl_script(node):
    """A program that is rabbitmqctl for this node, for suites that run it themselves."""
    path = os.path.join(node.root, "rabbitmqctl")
    tool = os.path.join(*((options.build, "apps/ctl") if options.broker == "warren" else (RabbitNode.scripts,)), "rabbitmqctl")
    names = ("HOME", "XDG_RUNTIME_DIR", "RABBITMQ_DIST_PORT", "ERL_EPMD_PORT", "RABBITMQ_CONF_ENV_FILE")
    settings = {name: value for name, value in node.environment().items() if name in names}
    with open(path, "w") as script:
        script.write("#!/bin/sh\n" + "".join(f"export {name}='{value}'\n" for name, value in settings.items()) +
                     f"exec '{tool}' -n '{node.node_name}' \"$@\"\n")
    os.chmod(path, 0o700)
    return path


def run_ctl(line, env, check):
    done = subprocess.run(line, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CTL_TIMEOUT_S)
    if check and done.returncode != 0:
        raise NodeError(f"{' '.join(line)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def make_node(**keywords):
    return {"warren": WarrenNode, "rabbitmq": RabbitNode}[options.broker](**keywords)
