"""A Celery application as users write them: retries, ETA, priorities, late acknowledgement, the rpc result backend."""
import os
import time

from celery import Celery
from celery.exceptions import Reject
from kombu import Exchange, Queue

app = Celery("warren", broker=os.environ["WARREN_TEST_URL"], backend="rpc://")
app.conf.update(
    task_queues=[Queue("plain", Exchange("plain"), routing_key="plain"),
                 Queue("ranked", Exchange("ranked"), routing_key="ranked", queue_arguments={"x-max-priority": 10})],
    task_default_queue="plain", worker_prefetch_multiplier=1, task_acks_late=True, task_serializer="json",
    broker_connection_retry_on_startup=True, result_expires=60)


@app.task
def add(one, other):
    return one + other


@app.task(bind=True, max_retries=5)
def fails_twice(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.3, exc=ValueError("not yet"))
    return self.request.retries


@app.task
def now():
    return time.time()


@app.task
def fails():
    raise ValueError("on purpose")


@app.task
def stamp(name):
    """What it returns orders the executions: one worker process, a clock that only grows."""
    return [name, time.monotonic()]


@app.task(bind=True)
def rejected_once(self):
    if not self.request.delivery_info["redelivered"]:
        raise Reject("again", requeue=True)
    return "second time"
