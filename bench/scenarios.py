"""What is measured: for each scenario the load, the figures taken from it and what they must reach against RabbitMQ."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Metric:
    """One figure of a run, by its name in warren-bench's JSON."""

    key: str
    label: str
    lower_is_better: bool = False
    at_least: float | None = None  # how many times better than RabbitMQ, both in the same run
    limit: float | None = None     # an absolute bound of Warren's own figure


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    mode: str
    arguments: tuple[str, ...]
    metrics: tuple[Metric, ...]
    timed: bool = False             # takes --seconds
    messages_per_second: int = 0    # --messages is this times the seconds asked for
    count_per_second: int = 0       # the same for --count
    restarts: bool = False          # publish, stop, start, drain
    peer: bool = True               # RabbitMQ runs it too
    warm_up: bool = True            # a second of transient messages first; not where growth of memory is measured

    def bench_arguments(self, mode, seconds):
        arguments = [mode, *self.arguments]
        if self.timed:
            arguments += ["--seconds", str(seconds)]
        if self.messages_per_second:
            arguments += ["--messages", str(max(1, int(self.messages_per_second * seconds)))]
        if self.count_per_second:
            arguments += ["--count", str(max(1, int(self.count_per_second * seconds)))]
        return arguments


def cpu(at_least=None, key="broker_cpu_s_per_M", label="broker CPU s/M"):
    return Metric(key, label, lower_is_better=True, at_least=at_least)


def memory(key="broker_peak_rss_mb", label="broker peak MiB", limit=None):
    return Metric(key, label, lower_is_better=True, limit=limit)


CONFIRMED = ("--persistent", "--confirm", "1000", "--prefetch", "1000", "--ack", "each")

SCENARIOS = (
    Scenario("S1", "transient 16 B, one publisher, one consumer, auto-ack", "rates", ("--size", "16"),
             (Metric("rate", "messages/s", at_least=20), cpu(30), memory()), timed=True),
    Scenario("S2", "transient 1 KiB", "rates", ("--size", "1Ki"),
             (Metric("rate", "messages/s", at_least=5), cpu(), memory()), timed=True),
    Scenario("S3", "persistent 1 KiB, confirm window 1000, an ack each", "rates", ("--size", "1Ki", *CONFIRMED),
             (Metric("rate", "messages/s", at_least=8), cpu(),
              Metric("conf_p50_us", "confirm p50 us", lower_is_better=True), memory()), timed=True),
    Scenario("S4", "ten queues of S3", "rates", ("--size", "1Ki", *CONFIRMED, "--queues", "10", "--publishers", "10"),
             (Metric("rate", "messages/s", at_least=8), cpu(), memory()), timed=True),
    Scenario("S5", "fan-out of 100 B to ten queues", "rates", ("--size", "100", "--exchange", "fanout", "--queues", "10"),
             (Metric("rate", "deliveries/s", at_least=20), cpu(), memory()), timed=True),
    Scenario("S6", "topic exchange, 1,000 bindings over ten queues, 100 B", "rates",
             ("--size", "100", "--exchange", "topic", "--bindings", "1000", "--queues", "10"),
             (Metric("rate", "messages/s", at_least=15), cpu(), memory()), timed=True),
    Scenario("S6L", "the same with 100,000 bindings", "rates",
             ("--size", "100", "--exchange", "topic", "--bindings", "100000", "--queues", "10"),
             (Metric("rate", "messages/s"), cpu(), memory()), timed=True, peer=False),
    Scenario("S7", "backlog of 100 B, then drain", "backlog", ("--size", "100", "--confirm", "10000"),
             (Metric("publish_rate", "published/s", at_least=15), Metric("drain_rate", "drained/s"),
              cpu(key="publish_broker_cpu_s_per_M", label="publish CPU s/M"),
              cpu(key="drain_broker_cpu_s_per_M", label="drain CPU s/M"),
              memory("publish_broker_peak_rss_mb", "publish peak MiB", limit=256),
              memory("drain_broker_peak_rss_mb", "drain peak MiB", limit=256)), messages_per_second=500_000),
    Scenario("S7R", "restart with a persistent backlog of 100 B", "publish",
             ("--size", "100", "--persistent", "--confirm", "10000", "--ack", "1000", "--prefetch", "5000"),
             (Metric("serve_s", "start to first delivery s", lower_is_better=True, limit=2),
              Metric("ready_s", "start to handshake s", lower_is_better=True),
              Metric("stop_s", "stop s", lower_is_better=True),
              Metric("publish_rate", "published/s"), Metric("drain_rate", "drained/s"),
              cpu(key="publish_broker_cpu_s_per_M", label="publish CPU s/M")),
             messages_per_second=100_000, restarts=True),
    Scenario("S8", "10,000/s of persistent 1 KiB, confirmed", "rates",
             ("--size", "1Ki", "--persistent", "--confirm", "10000", "--prefetch", "1000", "--ack", "each", "--rate", "10k"),
             (Metric("lat_p99_us", "end-to-end p99 us", lower_is_better=True, at_least=2),
              Metric("lat_p50_us", "end-to-end p50 us", lower_is_better=True),
              Metric("lat_p999_us", "end-to-end p99.9 us", lower_is_better=True),
              Metric("conf_p50_us", "confirm p50 us", lower_is_better=True),
              Metric("conf_p99_us", "confirm p99 us", lower_is_better=True), cpu()), timed=True),
    Scenario("S9", "1,000 connections with a channel each", "connections", ("--count", "1000"),
             (Metric("rate", "opened/s", at_least=5),
              Metric("broker_rss_kb_per_connection", "KiB each", lower_is_better=True, limit=20),
              Metric("broker_cpu_ms_per_connection", "CPU ms each", lower_is_better=True)), warm_up=False),
    Scenario("S10", "connect, open, declare, publish, close", "churn", ("--parallel", "8"),
             (Metric("rate", "cycles/s", at_least=5), Metric("lat_p50_us", "cycle p50 us", lower_is_better=True),
              Metric("broker_cpu_ms_per_cycle", "CPU ms each", lower_is_better=True)), timed=True),
    Scenario("S11", "durable queues declared one at a time", "declares", (),
             (Metric("rate", "declared/s", at_least=5), Metric("delete_rate", "deleted/s"),
              Metric("lat_p50_us", "declare p50 us", lower_is_better=True),
              Metric("broker_rss_kb_per_queue", "KiB each", lower_is_better=True, limit=10)), count_per_second=1000,
             warm_up=False),
    Scenario("S12", "one persistent 1 KiB message and its confirm at a time", "rates",
             ("--size", "1Ki", "--persistent", "--confirm", "1", "--consumers", "0"),
             (Metric("conf_p50_us", "confirm p50 us", lower_is_better=True, at_least=2),
              Metric("conf_p99_us", "confirm p99 us", lower_is_better=True), Metric("publish_rate", "published/s"),
              cpu()), timed=True),
    Scenario("S13", "persistent 1 MiB, confirmed", "rates",
             ("--size", "1Mi", "--persistent", "--confirm", "10", "--prefetch", "10", "--ack", "each"),
             (Metric("rate", "MiB/s", at_least=1), cpu(), memory()), timed=True),
    Scenario("S14", "priority queue: ten publishers with priorities 0 to 9, transient 100 B", "rates",
             ("--size", "100", "--priorities", "9", "--publishers", "10"),
             (Metric("rate", "messages/s", at_least=5), cpu(), memory()), timed=True),
    Scenario("S15", "100 B published to a queue with a TTL of 1 s, until all have expired", "expire",
             ("--size", "100", "--confirm", "10000", "--ttl", "1000"),
             (Metric("expire_rate", "published and expired/s", at_least=5), cpu(), memory()), messages_per_second=100_000),
    Scenario("S16", "100 B dead-lettered through three queues to a consumer", "rates",
             ("--size", "100", "--hops", "3", "--confirm", "1000"),
             (Metric("rate", "messages/s", at_least=5), cpu(), memory()), timed=True),
)
