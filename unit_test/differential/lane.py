"""One channel of a running program: what it has unacknowledged, unconfirmed and open."""


class Lane:
    """Channel `number` of connection `connection` ("a" or "b"). Fresh after each channel error."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.mode = None        # None, "tx" or "confirm"
        self.published = {}     # body: sequence number, in confirm mode
        self.settled = set()    # sequence numbers acked or nacked
        self.last_tag = 0       # delivery tags must count up by one
        self.unacked = []       # (source, delivery tag): source is a consumer tag or "get QUEUE"
        self.tx_acked = []      # what a rollback brings back
        self.consumers = {}     # consumer tag: (queue, no_ack)

    def delivered(self, source, tag, no_ack):
        """Returns whether the tag is the one that was due."""
        due, self.last_tag = self.last_tag + 1, tag
        if not no_ack:
            self.unacked.append((source, tag))
            self.unacked.sort(key=lambda entry: (entry[0], entry[1]))
        return tag == due

    def sources(self):
        return {self.source_queue(source) for source, _ in self.unacked}

    def source_queue(self, source):
        return source[4:] if source.startswith("get ") else self.consumers.get(source, (source,))[0]

    def settle(self, entries):
        self.unacked = [entry for entry in self.unacked if entry not in entries]
        if self.mode == "tx":
            self.tx_acked += entries

    def committed(self):
        self.tx_acked = []

    def rolled_back(self):
        self.unacked = sorted(self.unacked + self.tx_acked)
        self.tx_acked = []

    def confirmed(self, event):
        """(sequence numbers that an ack or nack settles, those of them that were settled before)."""
        tag = event.delivery_tag
        if event.multiple:
            numbers = {n for n in self.published.values() if n <= tag and n not in self.settled}
        else:
            numbers = {tag}
        again = numbers & self.settled
        self.settled |= numbers
        return numbers, again
