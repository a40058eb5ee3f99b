"""
The page size of each request: halved when HubSpot fails, then raised slowly.

Some portals answer 500 to a large page and to every retry of it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from hubspot_api.client import HubspotClient, Params, Response
from hubspot_api.exceptions import BadRequestError, ServerError, TransientError
from tap_hubspot_engagements.exceptions import StuckError

RESPONSES_TO_HOLD = 25  # at a size below the one that failed last
FAILURES_TO_HALVE = 2  # in a row
PAGE_SIZE_GROWTH = 1.01  # a response, after halving: failures above some size are seldom
ATTEMPTS_AT_ONE_RECORD = 3  # until the record counts as unlistable
ATTEMPTS_AFTER_OUTAGE = 8  # likewise, where reading another list costs far more: about a minute

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class PageSizes:
    """
    The page sizes of all endpoints, shared by all parts of a run.

    `page_size` is the configured size, None for each endpoint's maximum. `working` has the sizes
    that work if the largest fails, by path; the next run begins with them.
    """

    def __init__(
        self, page_size: int | None = None, working: Iterable[tuple[str, int]] = ()
    ) -> None:
        self.page_size = page_size
        self.working: dict[str, int] = dict(working)
        self.last_good: dict[str, int] = {}
        self.last_failed: dict[str, tuple[int, int]] = {}  # size, and responses until the next try

    def for_endpoint(self, path: str, maximum: int, param: str) -> PageSize:
        """Return the size for one part of a run; `param` is the endpoint's name of the size."""
        return PageSize(self, path, min(self.page_size or maximum, maximum), param)

    def shrink(self, path: str, failed_size: int, size: int) -> None:
        """Record that `failed_size` is too large, and that `size` is the next attempt."""
        self.last_failed[path] = (failed_size, RESPONSES_TO_HOLD)
        self.working[path] = min(size, self.working.get(path, size))

    def grow(self, path: str, size: int, maximum: int) -> None:
        """Record that `size` works; below the size that failed last, growth stops for a while."""
        if path not in self.working:
            return
        failed_size, remaining = self.last_failed.get(path, (0, 0))
        next_size = max(size + 1, int(size * PAGE_SIZE_GROWTH))
        if remaining:
            self.last_failed[path] = (failed_size, remaining - 1)
            next_size = min(next_size, max(size, failed_size - 1))
        self.last_good[path] = size
        self.working[path] = next_size
        if next_size >= maximum:
            self.working.pop(path, None)


class PageSize:
    """The page size of one part of a run at one endpoint; `maximum` is the size it grows to."""

    def __init__(self, sizes: PageSizes, path: str, maximum: int, param: str) -> None:
        self.maximum = maximum
        self._sizes = sizes
        self._path = path
        self._param = param
        self._stuck_after: int | None = ATTEMPTS_AT_ONE_RECORD
        self._began_s = 0.0

    def never_stuck(self) -> PageSize:
        """Return this size; the next request is retried until the client gives up."""
        self._stuck_after = None
        return self

    def get(
        self, client: HubspotClient, params: Mapping[str, object], parse: Callable[[bytes], T]
    ) -> Response[T]:
        """
        Return the response of `client.get`, with the largest page size that works.

        Raises StuckError if HubSpot fails even at a page of a single record.
        """
        first = last = min(self.maximum, self._sizes.working.get(self._path, self.maximum))
        good = self._sizes.last_good.get(self._path, 0)
        if self._stuck_after is not None:
            self._began_s = client.now_s()

        def params_for(failures: tuple[TransientError, ...]) -> Params:
            nonlocal last
            size = size_after(failures, first, good, self._stuck_after)
            if size != last:
                self._sizes.shrink(self._path, last, size)
            last = size
            return {**params, self._param: size}

        response = client.get(self._path, params_for, parse, began_s=self._began_s)
        self._stuck_after = ATTEMPTS_AT_ONE_RECORD
        self._sizes.grow(self._path, last, self.maximum)
        return response

    def get_after_outage(
        self,
        client: HubspotClient,
        params: Mapping[str, object],
        parse: Callable[[bytes], T],
        no_records: Mapping[str, object],
    ) -> Response[T]:
        """
        Return the response of `get`; in an outage of HubSpot, when the outage is over.

        `no_records` are parameters that make the list empty, so that no record can be the cause if
        HubSpot fails at it: that request is retried until the client gives up. Raises StuckError if
        HubSpot answers it, and still fails at `params` for about a minute.
        """
        try:
            return self.get(client, params, parse)
        except StuckError as error:
            LOGGER.warning("%s: requesting an empty list, to tell a record from an outage", error)
        empty = {**params, **no_records, self._param: 1}
        try:
            with contextlib.suppress(BadRequestError):  # a refusal is no outage either
                client.get(self._path, empty, parse, began_s=self._began_s)
            self._stuck_after = ATTEMPTS_AFTER_OUTAGE
            return self.get(client, params, parse)
        finally:
            self._sizes.working.pop(self._path, None)  # the size was not the cause


def size_after(
    failures: Iterable[TransientError], first: int, good: int, stuck_after: int | None
) -> int:
    """
    Return the page size after these failures of a request that began with `first`.

    From the second ServerError in a row on, each failure halves the size, not below `good`, a size
    that worked before. Raises StuckError at the `stuck_after`-th failure of a page of a single
    record, unless None.
    """
    size, in_a_row, at_one = first, 0, 0
    for error in failures:
        in_a_row = in_a_row + 1 if isinstance(error, ServerError) else 0
        if size == 1:
            at_one += bool(in_a_row)
            if at_one == stuck_after:
                raise StuckError(str(error)) from error
        elif in_a_row >= FAILURES_TO_HALVE:
            size = good if size // 2 <= good < size else size // 2
    return size
