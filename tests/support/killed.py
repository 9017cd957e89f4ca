"""A local cluster of two workers, of which one is killed while it works."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def losing_a_worker(begun: Callable[[], bool] = lambda: True) -> Iterator[tuple[str, list[int]]]:
    """Address of the scheduler, and the process that was killed: a busy one, once `begun` says so."""
    distributed = pytest.importorskip("distributed")
    killed, ready, ended = [], threading.Event(), threading.Event()

    def kill_one(address: str) -> None:
        with distributed.Client(address, set_as_default=False) as client:
            workers = client.run(os.getpid)
            ready.set()
            while not begun() and not ended.is_set():
                time.sleep(0.02)
            busy = []
            while not busy and not ended.is_set():
                busy = [worker for worker, tasks in client.processing().items() if tasks]
            if busy:
                killed.append(workers[busy[0]])
                os.kill(killed[0], signal.SIGKILL)

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        killer = threading.Thread(target=kill_one, args=(cluster.scheduler_address,), daemon=True)
        killer.start()
        assert ready.wait(60)
        yield cluster.scheduler_address, killed
        ended.set()
        killer.join()
