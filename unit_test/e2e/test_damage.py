"""Damaged files and a full disk: a clear message, nothing deleted, nothing confirmed lost (guarantees.md G6, G7)."""
import hashlib
import os
import subprocess
import tempfile
import time
import unittest

import pika

from harness import load, raw
from harness.case import is_reference
from harness.node import NodeError, make_node

START_REFUSAL_S = 30


def files_below(folder):
    return sorted(os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def flip(path, offset, length=8):
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(length)
        file.seek(offset)
        file.write(bytes(byte ^ 0x5A for byte in old))


def find_all(path, needle):
    with open(path, "rb") as file:
        data = file.read()
    offsets, at = [], data.find(needle)
    while at >= 0:
        offsets.append(at)
        at = data.find(needle, at + 1)
    return offsets


class WarrenOnly(unittest.TestCase):
    """Storage formats and start-up texts are the product's own: nothing here can be compared with RabbitMQ."""

    def setUp(self):
        if is_reference():
            self.skipTest(f"{self.id()}: checks Warren's own files and messages")
        self.node = make_node()
        self.addCleanup(self.close_node)

    def close_node(self):
        try:
            self.node.close()
        except NodeError as error:
            if self.node.child.returncode is None or self.node.child.returncode < 0:
                raise error

    def assert_refuses_to_start(self, *needles):
        """A non-zero exit soon, and a message that holds every one of `needles`. Returns the message."""
        before = len(self.node.output()) if os.path.exists(self.node.output_path) else 0
        self.node.spawn()
        code = self.node.wait(START_REFUSAL_S)
        message = self.node.output()[before:]
        self.assertGreater(code, 0, f"exit code {code}\n{message}")
        for needle in needles:
            self.assertIn(needle, message)
        return message


class Configuration(WarrenOnly):
    def refuse(self, text, *needles):
        self.node.write_config(text)
        self.assert_refuses_to_start(self.node.config_path, *needles)

    def test_unknown_key_names_line_and_nearest_key(self):
        self.refuse("heartbeat = 30\ndisk_free_limit.absolut = 1GB\n", ":2", "disk_free_limit.absolut",
                    "disk_free_limit.absolute")

    def test_bad_value(self):
        self.refuse("# comment\n\nheartbeat = often\n", ":3", "heartbeat")

    def test_not_a_setting(self):
        self.refuse("heartbeat = 30\nthis is no setting\n", ":2")

    def test_binary_file(self):
        with open(self.node.config_path, "wb") as file:
            file.write(b"\x7fELF\x00\x01\x02" * 100)
        self.assert_refuses_to_start(self.node.config_path)

    def test_missing_file(self):
        self.node.write_config("")
        command = self.node.command()
        os.remove(self.node.config_path)
        done = subprocess.run(command, env=self.node.environment(), capture_output=True, text=True,
                              timeout=START_REFUSAL_S)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.node.config_path, done.stdout + done.stderr)

    def test_readable_cookie_is_refused(self):
        cookie = os.path.join(self.node.root, ".erlang.cookie")
        with open(cookie, "w") as file:
            file.write("SECRETSECRETSECRET")
        os.chmod(cookie, 0o644)
        message = self.assert_refuses_to_start(".erlang.cookie")
        self.assertNotIn("SECRETSECRETSECRET", message)


class DamagedStore(WarrenOnly):
    MARK = b"find-this-body-in-the-journal"

    def setUp(self):
        super().setUp()
        self.node.start()
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.node.port))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("stored", durable=True)
        for number in range(200):
            channel.basic_publish("", "stored", self.MARK + b" %d" % number, pika.BasicProperties(delivery_mode=2))
        connection.close()

    def snapshot(self):
        return {path: digest(path) for path in files_below(self.node.data)}

    def assert_nothing_deleted(self, before, damaged):
        """Files stay, where they were or in quarantine: each content is still there under some name. LevelDB replaces
        the manifest of a sound database whenever it opens one."""
        def replaced(path):
            name = os.path.basename(path)
            return (name == "CURRENT" or name.startswith("MANIFEST-")) and os.path.dirname(path) != damaged_folder
        after, damaged_folder = set(self.snapshot().values()), os.path.dirname(damaged)
        gone = [path for path, content in before.items() if content not in after and not replaced(path)
                and os.path.basename(path) not in ("LOG", "LOG.old", "LOCK") and not path.endswith((".pid", ".log"))]
        self.assertEqual(gone, [])

    def journal_marks(self):
        """The file that holds the messages, and the offset of each body."""
        marks = {path: find_all(path, self.MARK) for path in files_below(self.node.data)}
        path = max(marks, key=lambda one: len(marks[one]))
        self.assertGreaterEqual(len(marks[path]), 200, "the bodies are in no single file")
        return path, marks[path]

    def test_flipped_bytes_amid_the_journal(self):
        self.node.kill()
        path, offsets = self.journal_marks()
        flip(path, offsets[100])
        before = self.snapshot()
        message = self.assert_refuses_to_start(os.path.basename(path))
        self.assertRegex(message, r"\d{3,}", "the message names no offset")
        self.assert_nothing_deleted(before, path)

    def test_torn_tail_is_cut_and_the_rest_served(self):
        self.node.kill()
        path, offsets = self.journal_marks()
        with open(path, "r+b") as file:
            size = os.path.getsize(path)
            file.truncate(offsets[199] + 5)
            file.truncate(size)  # a preallocated file whose last record was written by half
        self.node.start()
        numbers = []
        with_client = raw.RawClient(self.node.port).login().open_channel()
        with_client.send(raw.queue_declare(1, "stored", 1))
        arguments = with_client.expect(50, 11)
        numbers = int.from_bytes(arguments[7:11], "big")
        with_client.close()
        self.assertGreaterEqual(numbers, 199)

    def test_damaged_leveldb_names_it_and_deletes_nothing(self):
        self.assertEqual(self.node.terminate(), 0)
        current = [path for path in files_below(self.node.data) if os.path.basename(path) == "CURRENT"]
        self.assertTrue(current, "no LevelDB below the data folder")
        for path in current:
            with self.subTest(database=os.path.relpath(path, self.node.data)):
                with open(path, "rb") as file:
                    manifest = os.path.join(os.path.dirname(path), file.read().decode().strip())
                with open(manifest, "rb") as file:
                    good = file.read()
                flip(manifest, len(good) // 2)
                before = self.snapshot()
                self.assert_refuses_to_start(os.path.dirname(path))
                self.assert_nothing_deleted(before, manifest)
                with open(manifest, "wb") as file:
                    file.write(good)

    def test_unknown_files_are_left_alone(self):
        self.assertEqual(self.node.terminate(), 0)
        stranger = os.path.join(self.node.data, "somebody-elses-file")
        with open(stranger, "w") as file:
            file.write("precious")
        self.node.start()
        self.assertEqual(self.node.terminate(), 0)
        with open(stranger) as file:
            self.assertEqual(file.read(), "precious")

    def test_two_nodes_do_not_share_a_folder(self):
        second = make_node(data=self.node.data)
        self.addCleanup(lambda: second.close() if second.child and second.child.poll() is None else second.release())
        second.spawn()
        self.assertGreater(second.wait(START_REFUSAL_S), 0)
        self.assertIn(self.node.data, second.output())
        self.assertTrue(self.node.accepts())


class FullDisk(unittest.TestCase):
    SIZE_MIB = 600

    def setUp(self):
        if is_reference():
            self.skipTest("full_disk: RabbitMQ looks at the disk every ten seconds, which a test cannot wait for")
        if os.geteuid() != 0:
            self.skipTest("full_disk: needs root to mount a small tmpfs")
        self.disk = tempfile.mkdtemp(prefix="warren-e2e-disk-")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE_MIB}m", "tmpfs", self.disk],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            os.rmdir(self.disk)
            self.skipTest(f"full_disk: cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(self.unmount)
        self.node = make_node(data=os.path.join(self.disk, "data"))
        self.addCleanup(self.node.close)
        self.node.start()

    def unmount(self):
        subprocess.run(["umount", self.disk], check=True)
        os.rmdir(self.disk)

    def test_publishers_are_blocked_and_consumers_go_on(self):
        publisher = load.ConfirmedPublisher(self.node.port, "full", 0, size=64 * 1024, window=20)
        publisher.client.socket.settimeout(10)
        started = time.monotonic()
        with self.assertRaises((TimeoutError, AssertionError), msg="a full disk never blocked the publisher"):
            while time.monotonic() - started < 150:
                publisher.run_window()  # the window in flight when the alarm rises is not answered, or connection.blocked
        self.assertGreater(len(publisher.confirmed), 1000)
        self.assertIsNone(self.node.child.poll(), "the node ended instead of blocking its publishers")
        statvfs = os.statvfs(self.disk)
        self.assertGreater(statvfs.f_bavail * statvfs.f_frsize, 0)
        publisher.client.close()
        numbers = load.drain(self.node.port, "full", expected_min=len(publisher.confirmed), timeout_s=150)
        self.assertEqual(publisher.confirmed - set(numbers), set())
