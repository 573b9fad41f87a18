"""Hosts of a small network on this machine: network namespaces with names, addresses and a hosts file of their own.

Needs root and iproute2. Every process that runs on a host is a child of the test; `close` removes what `open` made.
"""
import ctypes
import os
import shutil
import subprocess
import threading

CLONE_NEWNET = 0x40000000
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


class Network:
    """One switch and a host per name, 10.79.x.11 and up."""

    def __init__(self, names):
        self.prefix = f"w{os.getpid()}"
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
            ip("-n", self.space("switch"), "link", "add", f"port{index}", "type", "veth", "peer", "name", "eth0",
               "netns", space)
            ip("-n", self.space("switch"), "link", "set", f"port{index}", "master", "bridge", "up")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
        return self

    def close(self):
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
