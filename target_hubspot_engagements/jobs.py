"""Sends several requests at a time; the ledger is read and written by the calling thread alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hubspot_api.exceptions import ApiError
from hubspot_api.workers import Workers
from target_hubspot_engagements.outcomes import Outcome


class Job(NamedTuple):
    """
    A request: `begin` notes it in the ledger, `send` sends it in any thread, `finish` notes the
    outcome.
    """

    begin: Callable[[], None]
    send: Callable[[], Outcome]
    finish: Callable[[Outcome], None]


class Sender:
    """Runs jobs, `number` of them at a time."""

    def __init__(self, number: int) -> None:
        self._workers: Workers[Job, Outcome] = Workers(number)
        self._number = number

    def close(self) -> None:
        """Let the threads end."""
        self._workers.close()

    def run(self, jobs: Iterable[Job]) -> None:
        """Run jobs; after an error of HubSpot none is begun, and the error is raised at the end."""
        error: ApiError | None = None
        for job in jobs:
            if self._workers.idle == 0:
                error = self._finish_one() or error
            if error:
                break
            job.begin()
            self._workers.submit(job, lambda job=job: _send(job))  # type: ignore[misc]
        while self._workers.idle < self._number:
            error = self._finish_one() or error
        if error:
            raise error

    def _finish_one(self) -> ApiError | None:
        job, outcome = self._workers.next_result()
        job.finish(outcome)
        return outcome.error


def _send(job: Job) -> Outcome:
    try:
        return job.send()
    except ApiError as error:
        return Outcome(error=error)
