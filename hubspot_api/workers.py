"""Threads that wait for HubSpot concurrently; all other work stays in the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Workers(Generic[K, V]):
    """
    Runs functions concurrently in `number` threads.

    The threads are daemons: after an error or a signal the program ends without waiting for them.
    """

    def __init__(self, number: int) -> None:
        self.idle = number
        self._tasks: SimpleQueue[tuple[K, Callable[[], V]] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[K, V | BaseException]] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def submit(self, key: K, task: Callable[[], V]) -> None:
        """Have a thread run `task`; the result comes back with `key`."""
        self.idle -= 1
        self._tasks.put((key, task))

    def next_result(self) -> tuple[K, V]:
        """Wait for a result and return both key and result; raise the task's own error."""
        key, result = self._results.get()
        self.idle += 1
        if isinstance(result, BaseException):
            raise result
        return key, result

    def close(self) -> None:
        """Let each thread end after the current task."""
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            key, function = task
            try:
                self._results.put((key, function()))
            except BaseException as error:  # next_result raises it in the calling thread
                self._results.put((key, error))
