"""Starts a Celery worker and uses it; exit code 0 when each promise was kept. Run with the environment's Python."""
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import celery_app
from celery import chain, group

WAIT_S = 60


def check(name, condition, detail=""):
    print(f"  celery {name}: {'ok' if condition else 'WRONG'} {detail}", flush=True)
    if not condition:
        raise SystemExit(1)


def priorities():
    """Published before any worker runs: the worker then takes them by priority."""
    ranks = [3, 9, 0, 5, 9]
    return [(rank, celery_app.stamp.apply_async((f"{index}-{rank}",), queue="ranked", routing_key="ranked", priority=rank))
            for index, rank in enumerate(ranks)]


def use(ranked):
    app = celery_app
    check("result", app.add.delay(2, 3).get(timeout=WAIT_S) == 5)
    check("retries", app.fails_twice.delay().get(timeout=WAIT_S) == 2)
    eta = datetime.now(timezone.utc) + timedelta(seconds=1.5)
    ran = app.now.apply_async(eta=eta).get(timeout=WAIT_S)
    check("eta", ran >= eta.timestamp() - 0.1, f"{ran - eta.timestamp():.2f} s after it")
    check("countdown", app.now.apply_async(countdown=1).get(timeout=WAIT_S) > 0)
    failure = app.fails.delay()
    check("failure", isinstance(failure.get(timeout=WAIT_S, propagate=False), ValueError))
    check("reject and requeue", app.rejected_once.delay().get(timeout=WAIT_S) == "second time")
    check("chain", chain(app.add.s(1, 2), app.add.s(3), app.add.s(4))().get(timeout=WAIT_S) == 10)
    check("group", group(app.add.s(n, n) for n in range(20))().get(timeout=WAIT_S) == [2 * n for n in range(20)])
    executed = sorted((result.get(timeout=WAIT_S)[1], rank) for rank, result in ranked)
    check("priorities", [rank for _, rank in executed] == [9, 9, 5, 3, 0], str([rank for _, rank in executed]))
    expired = app.add.apply_async((1, 1), expires=-1)
    check("inspect", len(app.app.control.inspect(timeout=5).ping() or {}) == 1)
    check("expired task is revoked", expired.get(timeout=WAIT_S, propagate=False) is not None)


def main():
    ranked = priorities()
    worker = subprocess.Popen([sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--pool", "solo", "-Q",
                               "plain,ranked", "--loglevel", "WARNING"], env=os.environ, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        started = time.monotonic()
        use(ranked)
        print(f"  celery: all in {time.monotonic() - started:.1f} s", flush=True)
    finally:
        worker.terminate()
        try:
            output, _ = worker.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            worker.kill()
            output, _ = worker.communicate()
        print(output[-3000:], file=sys.stderr)
    check("worker ends", worker.returncode == 0, f"exit code {worker.returncode}")


if __name__ == "__main__":
    main()
