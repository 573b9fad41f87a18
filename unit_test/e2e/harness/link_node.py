"""A process that is nothing but a node's cluster transport (unit_test/link_node), and a network of namespaces."""
import os
import queue
import signal
import subprocess
import threading
import time

from .options import options


class LinkNode:
    """`break_limit_s`: how long a session outlives its connection; a node's own default when it is None."""

    def __init__(self, name, cookie="COOKIE", port=0, host="127.0.0.1", prefix=(), break_limit_s=None):
        binary = os.path.join(options.build, "unit_test", "link_node")
        self.name, self.host = name, host
        limit = [] if break_limit_s is None else [str(break_limit_s * 1000)]
        self.process = subprocess.Popen([*prefix, binary, name, cookie, str(port), host, *limit], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines, self.logged = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.expect("port"))

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("log "):
                self.logged.append(line[4:].strip())
            elif not line.startswith("sent "):
                self.lines.put(line.strip())

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, word, timeout_s=60):
        line = self.lines.get(timeout=timeout_s)
        if not line.startswith(word + " "):
            raise AssertionError(f"{self.name} said {line!r}, not {word}")
        return line[len(word) + 1:]

    def connect(self, other):
        self.tell(f"connect {other.name} {other.host} {other.port}")

    def send(self, other, service, count, size):
        self.tell(f"send {other.name} {service} {count} {size}")

    def stats(self):
        self.tell("stats")
        words = self.expect("stats").split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def wait(self, what, timeout_s=60):
        """Until `what(stats)` holds; returns the stats."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self.stats()
            if what(seen):
                return seen
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: not within {timeout_s} s: {seen}\n" + "\n".join(self.logged))
            time.sleep(0.05)

    def wait_logged(self, text, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while not any(text in line for line in self.logged):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not log {text!r}:\n" + "\n".join(self.logged))
            time.sleep(0.05)

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def signal(self, number):
        self.process.send_signal(number)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Network:
    """Two hosts, network namespaces with one cable between; needs root. cut() loses packets without a word."""
    ADDRESS = {"one": "10.79.0.1", "two": "10.79.0.2"}

    def __init__(self):
        self.tag = f"wl{os.getpid() % 10000}"
        self.names = {host: f"{self.tag}{host}" for host in self.ADDRESS}
        for name in self.names.values():
            self._run("ip", "netns", "add", name)
        one, two = self.names["one"], self.names["two"]
        self._run("ip", "-n", one, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", two)
        for host, name in self.names.items():
            self._run("ip", "-n", name, "addr", "add", self.ADDRESS[host] + "/24", "dev", "cable")
            self._run("ip", "-n", name, "link", "set", "cable", "up")
            self._run("ip", "-n", name, "link", "set", "lo", "up")

    @staticmethod
    def _run(*command):
        subprocess.run(command, check=True, capture_output=True)

    @staticmethod
    def available():
        if os.geteuid() != 0:
            return False
        name = f"wlprobe{os.getpid()}"
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode == 0
        if made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        return made

    def prefix(self, host):
        return ["ip", "netns", "exec", self.names[host]]

    def cut(self, host):
        """What the other sends to `host` gets lost: it goes to a network card that is not there."""
        other = next(name for name in self.names if name != host)
        self._run("ip", "-n", self.names[other], "neigh", "replace", self.ADDRESS[host], "lladdr", "02:00:00:00:00:99",
                  "dev", "cable", "nud", "permanent")

    def heal(self):
        for host, name in self.names.items():
            other = next(each for each in self.names if each != host)
            subprocess.run(["ip", "-n", name, "neigh", "del", self.ADDRESS[other], "dev", "cable"], capture_output=True)

    def close(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
