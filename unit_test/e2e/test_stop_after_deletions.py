"""A node that stops right after many queues were deleted: their actors still linger, and must not hold it up."""
import time
import unittest

from harness.case import BrokerTest


class StopAfterDeletions(BrokerTest):
    def test_recently_deleted_queues_do_not_delay_the_stop(self):
        channel = self.channel()
        for number in range(300):
            channel.queue_declare(f"short-lived-{number}")
        for number in range(300):
            channel.queue_delete(f"short-lived-{number}")
        channel.connection.close()
        began = time.monotonic()
        self.assertEqual(self.node.terminate(), 0)
        self.assertLess(time.monotonic() - began, 20)


if __name__ == "__main__":
    unittest.main()
