"""slow_cable.py END END: carries frames between two TAP devices, given as open descriptors.

Each frame takes so long and up to so much more or less, and a share of them gets lost. A line "DELAY JITTER LOSS" (seconds,
seconds, 0 to 1) on standard input changes that at any time; its end is the cable's.
"""
import heapq
import os
import random
import select
import sys
import time


def frames(end):
    """Those that wait there."""
    try:
        while True:
            yield os.read(end, 65536)
    except BlockingIOError:
        return


def main():
    ends = tuple(map(int, sys.argv[1:3]))
    delay_s = jitter_s = loss = 0.0
    dice, waiting, count, orders = random.Random(1), [], 0, b""  # waiting: (due, number, end, frame)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready = select.select((0, *ends), [], [], pause)[0]
        if 0 in ready:
            more = os.read(0, 4096)
            if not more:
                return
            *lines, orders = (orders + more).split(b"\n")
            for line in lines:
                delay_s, jitter_s, loss = map(float, line.split())
        for end in ready:
            for frame in frames(end) if end != 0 else ():
                count += 1
                if not loss or dice.random() >= loss:
                    due = time.monotonic() + delay_s + (dice.uniform(-jitter_s, jitter_s) if jitter_s else 0.0)
                    heapq.heappush(waiting, (due, count, ends[1 - ends.index(end)], frame))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, end, frame = heapq.heappop(waiting)
            try:
                os.write(end, frame)
            except OSError:
                pass  # no carrier, or no room: frames get lost


if __name__ == "__main__":
    main()
