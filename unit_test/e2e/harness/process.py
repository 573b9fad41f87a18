"""Processes of a node: find them, read their memory, wait for their end. Linux /proc only."""
import fcntl
import os
import random
import socket
import tempfile
import time

CONTROL_ABOVE = 10_000  # a node's control port lies so far above its cluster port, its management above its port for clients
METRICS_ABOVE = 10_020  # and its metrics so far above its port for clients
PORT_GRID = 25  # ports are multiples of it: no port above one of them is a port above another
_given = set()
_claims = []  # open files, locked


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
            return True
        except OSError:
            return False


def _claim(port):
    """Whether no other test has this port, which may lie between two lives of its node; it is ours while this process lives."""
    folder = os.path.join(tempfile.gettempdir(), "warren-test-ports")
    os.makedirs(folder, exist_ok=True)
    claim = os.open(os.path.join(folder, str(port)), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return False
    _claims.append(claim)
    return True


def free_port():
    """A TCP port nobody listens on, below those the kernel hands out by itself: between now and its use no connection
    of another test may get it. The ports above it that a node takes by itself are free, too."""
    while True:
        port = random.SystemRandom().randrange(12_000, 22_000, PORT_GRID)
        if port not in _given and _claim(port) and all(map(_is_free, (port, port + CONTROL_ABOVE, port + METRICS_ABOVE))):
            _given.add(port)
            return port


def accepts(port):
    """Whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False


def non_loopback_address():
    """An IPv4 address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a UDP connect sends nothing; it only picks the source address
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


def _stat_fields(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()


def lives(pid):
    """Whether there is such a process, and more than its entry in the table: its locks go with the last thread."""
    try:
        fields = _stat_fields(pid)
        return fields[0] != "Z" or int(fields[17]) > 1
    except (OSError, IndexError):
        return False


def descendants(root):
    """Every living process below `root`, zombies excluded."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = _stat_fields(int(entry))
            except (OSError, IndexError):
                continue
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [root]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def processes_of_session(session):
    """Living processes of a session: those of a node, even when their parent has gone."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = _stat_fields(int(entry))
            except (OSError, IndexError):
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry))
    return found


def status_kib(pid, field):
    """A kB figure of /proc/PID/status, such as VmRSS or VmHWM."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def wait_until(condition, timeout_s, interval_s=0.02):
    """Polls until `condition()` is truthy and returns it; None once `timeout_s` is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            return None
        time.sleep(interval_s)
