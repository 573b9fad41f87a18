"""Hosts of a small network on this machine: network namespaces with names, addresses and a hosts file of their own.

Needs root and iproute2. Every process that runs on a host is a child of the test; `close` removes what `open` made.
"""
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import threading

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
NOBODY = "02:00:00:00:00:99"  # a network card that is not there
libc = ctypes.CDLL(None, use_errno=True)


def available():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    probe = f"wprobe{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode != 0:
        return False
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return True


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class SlowCable:
    """Carries frames between two TAP devices (slow_cable.py), in a process of its own: beside the threads of a test's clients
    it would be slow by itself."""

    def __init__(self, one, two):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slow_cable.py")
        self.process = subprocess.Popen([sys.executable, program, str(one), str(two)], stdin=subprocess.PIPE, pass_fds=(one, two))
        for end in (one, two):
            os.close(end)

    def change(self, delay_s, jitter_s, loss):
        self.process.stdin.write(f"{delay_s} {jitter_s} {loss}\n".encode())
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()  # which is its end
        self.process.wait(5)


class Network:
    """One switch and a host per name, 10.79.x.11 and up. Hosts in `slow` hang on a SlowCable."""

    def __init__(self, names, slow=()):
        self.prefix = f"w{os.getpid()}"
        self.slow = {name: None for name in slow}
        third = os.getpid() % 250
        self.addresses = {name: f"10.79.{third}.{11 + index}" for index, name in enumerate(names)}

    def space(self, name):
        return f"{self.prefix}-{name}"

    def open(self):
        ip("netns", "add", self.space("switch"))
        ip("-n", self.space("switch"), "link", "add", "bridge", "type", "bridge", "forward_delay", "0")
        ip("-n", self.space("switch"), "link", "set", "bridge", "up")
        lines = ["127.0.0.1 localhost"] + [f"{address} {name}" for name, address in self.addresses.items()]
        for index, (name, address) in enumerate(self.addresses.items()):
            space, folder = self.space(name), f"/etc/netns/{self.space(name)}"
            os.makedirs(folder, exist_ok=True)
            for file, text in (("hosts", "\n".join(lines) + "\n"), ("hostname", name + "\n"), ("resolv.conf", "")):
                with open(os.path.join(folder, file), "w") as out:
                    out.write(text)
            ip("netns", "add", space)
            if name in self.slow:
                self.slow[name] = SlowCable(self.tap(name, "eth0"), self.tap("switch", f"port{index}"))
            else:
                ip("-n", self.space("switch"), "link", "add", f"port{index}", "type", "veth", "peer", "name", "eth0",
                   "netns", space)
            ip("-n", self.space("switch"), "link", "set", f"port{index}", "master", "bridge", "up")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
        return self

    def tap(self, name, device):
        """A network card of that host whose cable is in our hand."""
        def make():
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH14x", device.encode(), IFF_TAP | IFF_NO_PI))
            return end

        return self.on(name, make)

    # -- faults -------------------------------------------------------------------------------------------------------

    def cut(self, sender, receiver):
        """What `sender` sends to `receiver` gets lost from now on, without a word; the other way goes on."""
        ip("-n", self.space(sender), "neigh", "replace", self.addresses[receiver], "lladdr", NOBODY, "dev", "eth0", "nud",
           "permanent")

    def heal(self):
        for name in self.addresses:
            subprocess.run(["ip", "-n", self.space(name), "neigh", "flush", "dev", "eth0", "nud", "permanent"],
                           capture_output=True)

    def slow_down(self, name, delay_s, jitter_s=0.0, loss=0.0):
        """Each frame from and to that host takes so long; a share of them gets lost."""
        self.slow[name].change(delay_s, jitter_s, loss)

    def close(self):
        for name, cable in self.slow.items():
            if cable is not None:
                self.slow[name] = None
                cable.close()
        for name in [*self.addresses, "switch"]:
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True)
            shutil.rmtree(f"/etc/netns/{self.space(name)}", ignore_errors=True)

    def command(self, name, line):
        """`line` as it is run on that host: its network, its /etc/hosts, its host name."""
        return ["ip", "netns", "exec", self.space(name), "unshare", "-u", "sh", "-c", 'hostname "$0"; exec "$@"', name,
                *line]

    def on(self, name, function):
        """Calls `function` on that host, in a thread; sockets it opens stay there."""
        outcome = {}

        def work():
            try:
                with open(f"/run/netns/{self.space(name)}") as space:
                    if libc.setns(space.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), f"cannot enter the network of {name}")
                outcome["value"] = function()
            except BaseException as error:  # handed on to the caller
                outcome["error"] = error

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(60)
        if thread.is_alive():
            raise AssertionError(f"a call on {name} still runs after 60 s")
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]
