"""Threads that wait for HubSpot side by side; everything else happens in the thread that asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Workers(Generic[K, V]):
    """
    Runs questions in `number` threads.

    The threads are daemons: after an error, or a signal, nobody waits for answers to come.
    """

    def __init__(self, number: int) -> None:
        self.idle = number
        self._questions: SimpleQueue[tuple[K, Callable[[], V]] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[K, V | BaseException]] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def submit(self, key: K, question: Callable[[], V]) -> None:
        """Have a thread ask `question`."""
        self.idle -= 1
        self._questions.put((key, question))

    def next_result(self) -> tuple[K, V]:
        """Wait for an answer and return it with its key; raises what the question raised."""
        key, answer = self._answers.get()
        self.idle += 1
        if isinstance(answer, BaseException):
            raise answer
        return key, answer

    def close(self) -> None:
        """Let the threads end when they are done with what they ask."""
        for _ in self._threads:
            self._questions.put(None)

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            key, ask = question
            try:
                self._answers.put((key, ask()))
            except BaseException as error:  # raised again where it is waited for
                self._answers.put((key, error))
