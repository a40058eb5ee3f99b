"""The expected result of each report on a portal's records, in plain Python without SQL."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.report.june_2018 import EPOCH, UTC, day_of, timedelta

Record = dict[str, Any]
Row = tuple[Any, ...]

OWN_WORK = ("CALL", "EMAIL", "MEETING", "NOTE", "TASK")
EMAILS = ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")
DOCUMENTED = {
    *OWN_WORK,
    *EMAILS,
    *("PUBLISHING_TASK", "CONVERSATION_SESSION", "SMS", "WHATS_APP"),
    *("LINKEDIN_MESSAGE", "POSTAL_MAIL"),
}
CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
REDACTED = "The content of this email has been redacted"
# In ms, and above them nothing.
SPANS = {
    "15 minutes": 900_000,
    "1 hour": 3_600_000,
    "4 hours": 14_400_000,
    "1 day": 86_400_000,
    "3 days": 259_200_000,
    "7 days": 604_800_000,
    "longer": 2**63,
}
NEVER = ("no reply", "no contact")
TOO_RECENT = ("too recent", 0, None, None)  # of the last day before the load: none of these records
OBJECTS = ("contact", "company", "deal")
DAY_MS = 86_400_000
NOW_MS = 1_776_700_000_000  # 20 April 2026, when some tasks of the portal are not due yet
FIRST_MS, LAST_MS = 10**11, 253_370_764_800_000


@dataclass(frozen=True)
class Portal:
    """Records as HubSpot sends them, the ids of deleted records, owners and dispositions."""

    records: Sequence[Record]
    deleted_ids: frozenset[int] = frozenset()
    owners: Mapping[int, str] = field(default_factory=dict)
    dispositions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """The options of a report."""

    first: date
    last: date
    zone: ZoneInfo = UTC
    live: bool = False
    time: str = "createdAt"
    owners: tuple[int, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        arguments = [
            *("--from", str(self.first), "--to", str(self.last), "--tz", self.zone.key),
            *("--rows", "live" if self.live else "all", "--time", self.time),
        ]
        for flag, several in (("--owner", self.owners), ("--type", self.types)):
            for one in several:
                arguments += [flag, str(one or "none")]
        return arguments

    def counts(self, portal: Portal, record: Record) -> bool:
        """Whether the record passes the filter, on any day."""
        inner = record["engagement"]
        if self.live and not is_live(portal, record):
            return False
        has_owner = not self.owners or (inner.get("ownerId") or 0) in self.owners
        return has_owner and (not self.types or inner.get("type") in self.types)

    def matching(self, portal: Portal) -> list[Record]:
        """Return the records that count, on days from `first` to `last`."""
        records = []
        for record in portal.records:
            at_ms = record["engagement"].get(self.time)
            if at_ms is None or not 0 <= at_ms <= LAST_MS or not self.counts(portal, record):
                continue
            if self.first <= day_of(at_ms, self.zone) <= self.last:
                records.append(record)
        return records


def is_live(portal: Portal, record: Record) -> bool:
    inner = record["engagement"]
    return inner["id"] not in portal.deleted_ids and inner.get("active") is not False


def rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def share(part: int, whole: int) -> Decimal | None:
    return rounded(Decimal(part) / whole, 4) if whole else None


def daily(portal: Portal, options: Options) -> list[Row]:
    counts: Counter[tuple[str, date]] = Counter()
    for record in options.matching(portal):
        inner = record["engagement"]
        if inner.get("type") is not None:
            counts[inner["type"], day_of(inner[options.time], options.zone)] += 1
    return [(kind, day, number) for (kind, day), number in sorted(counts.items())]


def owners(portal: Portal, options: Options) -> list[Row]:
    by_owner: dict[int | None, list[Record]] = defaultdict(list)
    for record in options.matching(portal):
        if record["engagement"].get("type") in OWN_WORK:
            by_owner[record["engagement"].get("ownerId") or None].append(record)
    rows = [owner_row(portal, owner, records) for owner, records in by_owner.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0] is not None, row[0]))


def owner_row(portal: Portal, owner: int | None, records: list[Record]) -> Row:
    kinds = Counter(record["engagement"]["type"] for record in records)
    call_ms = sum(
        record["metadata"].get("durationMilliseconds") or 0
        for record in records
        if record["engagement"]["type"] == "CALL"
    )
    done = sum(
        record["engagement"]["type"] == "TASK" and record["metadata"].get("status") == "COMPLETED"
        for record in records
    )
    name = "(no owner)" if owner is None else portal.owners.get(owner, f"owner {owner}")
    minutes = rounded(Decimal(call_ms) / 60_000, 1)
    return (owner, name, len(records), *(kinds[kind] for kind in OWN_WORK), minutes, done)


def calls(portal: Portal, options: Options) -> list[Row]:
    by_label: dict[str, list[Record]] = defaultdict(list)
    for record in options.matching(portal):
        if record["engagement"].get("type") == "CALL":
            outcome = record["metadata"].get("disposition") or ""
            by_label[portal.dispositions.get(outcome) or outcome or "(none)"].append(record)
    rows = [call_row(portal, label, records) for label, records in by_label.items()]
    rows.sort(key=lambda row: (-row[1], row[0].encode()))
    every = [record for records in by_label.values() for record in records]
    return [*rows, call_row(portal, "(all calls)", every)] if every else []


def call_row(portal: Portal, label: str, records: list[Record]) -> Row:
    outcomes = [record["metadata"].get("disposition") for record in records]
    num_connected = sum(
        outcome == CONNECTED or portal.dispositions.get(outcome or "") == "Connected"
        for outcome in outcomes
    )
    all_ms = [record["metadata"].get("durationMilliseconds") or 0 for record in records]
    durations_ms = [duration_ms for duration_ms in all_ms if duration_ms > 0]
    average = Decimal(sum(durations_ms)) / len(durations_ms) / 60_000 if durations_ms else None
    return (
        label,
        len(records),
        num_connected,
        share(num_connected, len(records)),
        rounded(Decimal(sum(all_ms)) / 60_000, 1),
        None if average is None else rounded(average, 2),
    )


def meetings(portal: Portal, options: Options) -> list[Row]:
    by_outcome: dict[str, list[Record]] = defaultdict(list)
    for record in options.matching(portal):
        if record["engagement"].get("type") == "MEETING":
            by_outcome[record["metadata"].get("meetingOutcome") or "(none)"].append(record)
    rows = [meeting_row(outcome, records) for outcome, records in by_outcome.items()]
    rows.sort(key=lambda row: (-row[1], row[0].encode()))
    every = [record for records in by_outcome.values() for record in records]
    return [*rows, meeting_row("(all meetings)", every)] if every else []


def meeting_row(outcome: str, records: list[Record]) -> Row:
    ends = [(one["metadata"].get("startTime"), one["metadata"].get("endTime")) for one in records]
    durations_ms = [end - start for start, end in ends if start is not None and end is not None]
    average = (
        rounded(Decimal(sum(durations_ms)) / len(durations_ms) / 60_000, 1)
        if durations_ms
        else None
    )
    return outcome, len(records), rounded(Decimal(sum(durations_ms)) / 3_600_000, 1), average


def hours(portal: Portal, options: Options) -> list[Row]:
    counts: Counter[tuple[int, int]] = Counter()
    for record in options.matching(portal):
        inner = record["engagement"]
        if inner.get("type") is not None:
            at = EPOCH + timedelta(milliseconds=inner[options.time])
            local = at.astimezone(options.zone)
            counts[local.weekday(), local.hour] += 1
    return [(weekday, hour, number) for (weekday, hour), number in sorted(counts.items())]


def first_response(portal: Portal, options: Options) -> list[Row]:
    sent_ms = sent_to_contacts(portal, options)
    counts: Counter[str] = Counter(
        replied_within(record, sent_ms)
        for record in options.matching(portal)
        if record["engagement"].get("type") == "INCOMING_EMAIL" and is_possible(record)
    )
    return span_rows(counts)


def sent_to_contacts(portal: Portal, options: Options) -> Mapping[int, list[int]]:
    """Return when e-mails were sent to each contact."""
    sent_ms: dict[int, list[int]] = defaultdict(list)
    for record in portal.records:
        if record["engagement"].get("type") == "EMAIL" and is_possible(record):
            if options.live and not is_live(portal, record):
                continue
            for contact in contacts(record):
                sent_ms[contact].append(record["engagement"]["timestamp"])
    return sent_ms


def replied_within(record: Record, sent_ms: Mapping[int, list[int]]) -> str:
    after_ms = response_ms(record, sent_ms)
    if after_ms is None:
        return "no reply" if contacts(record) else "no contact"
    return next(name for name, most_ms in SPANS.items() if after_ms <= most_ms)


def response_ms(record: Record, sent_ms: Mapping[int, list[int]]) -> int | None:
    at_ms = record["engagement"]["timestamp"]
    later = [one for contact in contacts(record) for one in sent_ms.get(contact, ()) if one > at_ms]
    return min(later) - at_ms if later else None


def span_rows(counts: Counter[str]) -> list[Row]:
    total, so_far, rows = counts.total(), 0, []
    for name in (*SPANS, *NEVER) if total else ():
        so_far += counts[name]
        share_so_far = None if name in NEVER else share(so_far, total)
        rows.append((name, counts[name], share(counts[name], total), share_so_far))
    return [*rows, TOO_RECENT] if rows else []


def contacts(record: Record) -> list[int]:
    return list(record["associations"].get("contactIds") or ())


def is_possible(record: Record) -> bool:
    return FIRST_MS <= (record["engagement"].get("timestamp") or 0) <= LAST_MS


def measures(portal: Portal, options: Options) -> list[Row]:
    """Return the figures by day, type and owner; what is held or done counts on its own day."""
    sums: dict[tuple[date, str, int], list[int]] = defaultdict(lambda: [0] * 5)
    for record in portal.records:
        inner, details = record["engagement"], record["metadata"]
        if inner.get("type") is None or not options.counts(portal, record):
            continue
        for at_ms, numbers in (
            (inner.get(options.time), [1, *call_figures(portal, record), 0, 0]),
            (details.get("startTime"), [0, 0, 0, int(is_held(record)), 0]),
            (details.get("completionDate"), [0, 0, 0, 0, int(is_done(record))]),
        ):
            if at_ms is not None and 0 <= at_ms <= LAST_MS and any(numbers):
                day = day_of(at_ms, options.zone)
                if options.first <= day <= options.last:
                    key = (day, inner["type"], inner.get("ownerId") or 0)
                    sums[key] = [*map(sum, zip(sums[key], numbers, strict=True))]
    return [(*key, *numbers) for key, numbers in sorted(sums.items())]


def call_figures(portal: Portal, record: Record) -> tuple[int, int]:
    """Return whether a call reached someone, and its ms; zeros for others."""
    if record["engagement"]["type"] != "CALL":
        return 0, 0
    outcome = record["metadata"].get("disposition")
    is_connected = outcome == CONNECTED or portal.dispositions.get(outcome or "") == "Connected"
    return int(is_connected), record["metadata"].get("durationMilliseconds") or 0


def is_held(record: Record) -> bool:
    is_meeting = record["engagement"].get("type") == "MEETING"
    return is_meeting and record["metadata"].get("meetingOutcome") == "COMPLETED"


def is_done(record: Record) -> bool:
    is_task = record["engagement"].get("type") == "TASK"
    return is_task and record["metadata"].get("status") == "COMPLETED"


def tasks(portal: Portal, options: Options) -> list[Row]:
    """Return the open tasks by owner, and by how long they are overdue at NOW_MS."""
    late_ms: dict[int, list[int | None]] = defaultdict(list)
    for record in of_types(options.matching(portal), ("TASK",)):
        if record["metadata"].get("status") != "COMPLETED":
            at_ms = record["engagement"]["timestamp"]
            late = NOW_MS - at_ms if is_possible(record) else None
            late_ms[record["engagement"].get("ownerId") or 0].append(late)
    rows = [
        (owner or None, owner_name(portal, owner), *task_counts(ages))
        for owner, ages in sorted(late_ms.items())
    ]
    rows.sort(key=lambda row: (-row[3], -row[2]))
    every = [age for ages in late_ms.values() for age in ages]
    return [*rows, (None, "(all owners)", *task_counts(every))] if rows else []


def task_counts(ages: Sequence[int | None]) -> Row:
    late = [age for age in ages if age is not None and age > 0]
    by_age = [
        sum(least * DAY_MS < age <= most * DAY_MS for age in late)
        for least, most in ((0, 1), (1, 7), (7, 30), (30, 10**6))
    ]
    due_later = sum(age is not None and age <= 0 for age in ages)
    oldest_days = max(late) // DAY_MS if late else None
    return (len(ages), len(late), *by_age, due_later, ages.count(None), oldest_days)


def owner_name(portal: Portal, owner: int) -> str:
    return portal.owners.get(owner, f"owner {owner}") if owner else "(no owner)"


def outcomes(portal: Portal, options: Options) -> list[Row]:
    """Return each outcome of an owner's calls and meetings."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for record in of_types(options.matching(portal), ("CALL", "MEETING")):
        kind, details = record["engagement"]["type"], record["metadata"]
        disposition = details.get("disposition") or ""
        outcome = portal.dispositions.get(disposition) or disposition
        outcome = outcome if kind == "CALL" else details.get("meetingOutcome") or ""
        counts[record["engagement"].get("ownerId") or 0, kind, outcome or "(none)"] += 1
    totals: Counter[tuple[int, str]] = Counter()
    for (owner, kind, _), number in counts.items():
        totals[owner, kind] += number
    keys = sorted(counts, key=lambda it: (it[1], -totals[it[:2]], it[0], -counts[it], it[2]))
    return [
        (
            *(it[0] or None, owner_name(portal, it[0]), it[1], it[2]),
            *(counts[it], totals[it[:2]], share(counts[it], totals[it[:2]])),
        )
        for it in keys
    ]


def touches(portal: Portal, options: Options) -> list[Row]:
    """Return each contact, company and deal that has engagements; no names are loaded."""
    by_object: dict[tuple[int, int], list[Record]] = defaultdict(list)
    for record in options.matching(portal):
        for nth, key in enumerate(("contactIds", "companyIds", "dealIds")):
            for object_id in record["associations"].get(key) or ():
                if record["engagement"].get("type") is not None:
                    by_object[nth, object_id].append(record)
    rows = []
    for (nth, object_id), records in sorted(by_object.items()):
        last_ms = max(record["engagement"][options.time] for record in records)
        numbers = (len(of_types(records, kinds)) for kinds in (("CALL",), EMAILS, ("MEETING",)))
        rows.append(
            (
                *(OBJECTS[nth], object_id, None, len(records), *numbers),
                *(day_of(last_ms, options.zone), (NOW_MS - last_ms) // DAY_MS),
            )
        )
    return sorted(rows, key=lambda row: -row[3])


def response(portal: Portal, options: Options) -> list[Row]:
    """Return the times of each owner's answers, in all hours."""
    sent_ms = sent_to_contacts(portal, options)
    by_owner: dict[int, list[Record]] = defaultdict(list)
    for record in of_types(options.matching(portal), ("INCOMING_EMAIL",)):
        if is_possible(record):
            by_owner[record["engagement"].get("ownerId") or 0].append(record)
    owners = sorted(by_owner, key=lambda owner: (-len(by_owner[owner]), owner))
    rows = [
        (owner or None, owner_name(portal, owner), *response_times(by_owner[owner], sent_ms))
        for owner in owners
    ]
    every = [record for records in by_owner.values() for record in records]
    return [*rows, (None, "(all owners)", *response_times(every, sent_ms))] if rows else []


def response_times(records: list[Record], sent_ms: Mapping[int, list[int]]) -> Row:
    times = [response_ms(record, sent_ms) for record in records]
    answered = sorted(at for at in times if at is not None)
    alone = sum(not contacts(record) for record in records)
    middle = ninth = None
    if answered:
        middle = rounded(Decimal(statistics.median(answered)) / 3_600_000, 2)
        # The least that nine in ten do not exceed.
        nine = next(
            at for at in answered if 10 * sum(it <= at for it in answered) >= 9 * len(answered)
        )
        ninth = rounded(Decimal(nine) / 3_600_000, 2)
    no_reply = len(records) - len(answered) - alone
    rate = share(len(answered), len(records))
    return (len(records), len(answered), rate, middle, ninth, no_reply, alone, 0)


def quality(portal: Portal, options: Options) -> list[Row]:
    """Return the checks; after a complete load every engagement has details."""
    on_any_day = [record for record in portal.records if options.counts(portal, record)]
    records = options.matching(portal)
    return [
        *time_checks([record["engagement"].get(options.time) for record in on_any_day]),
        check(
            "timestamp missing or impossible",
            sum(not is_possible(record) for record in on_any_day),
            len(on_any_day),
        ),
        *engagement_checks(portal, records),
        *detail_checks(records),
        *text_checks(portal, records),
        (
            "no engagements on these days",
            int(not records),
            None,
            None,
            "ok" if records else "wrong",
        ),
        ("hours since the last load", 0, 24, None, "ok"),
    ]


def time_checks(times: list[int | None]) -> list[Row]:
    return [
        check("no time: on no day", sum(at is None for at in times), len(times)),
        check(
            "time in seconds, not milliseconds: on a day of 1970",
            sum(at is not None and 0 < at < FIRST_MS for at in times),
            len(times),
        ),
        check(
            "time 0, negative, or after the year 9998",
            sum(at is not None and not 0 < at <= LAST_MS for at in times),
            len(times),
        ),
    ]


def engagement_checks(portal: Portal, records: list[Record]) -> list[Row]:
    """Return the checks of type, timestamp and owner."""
    types = [record["engagement"].get("type") or "" for record in records]
    owner_ids = [record["engagement"].get("ownerId") or 0 for record in records]
    number_with_type = sum(map(bool, types))
    unknown_types = sum(name != "" and name not in DOCUMENTED for name in types)
    return [
        check("no type", len(records) - number_with_type, len(records)),
        check("type that HubSpot does not document", unknown_types, number_with_type),
        check(
            "owner who is not in owners",
            sum(owner != 0 and owner not in portal.owners for owner in owner_ids),
            sum(map(bool, owner_ids)),
        ),
    ]


def detail_checks(records: list[Record]) -> list[Row]:
    """Return the checks of details, all of which a complete load has."""
    number = Counter(record["engagement"].get("type") or "" for record in records)
    with_table = sum(number[kind] for kind in {*OWN_WORK, *EMAILS, ""})
    return [
        check("call without details", 0, number["CALL"]),
        check("e-mail without details", 0, sum(number[kind] for kind in EMAILS)),
        check("meeting without details", 0, number["MEETING"]),
        check("note without details", 0, number["NOTE"]),
        check("task without details", 0, number["TASK"]),
        check("engagement of another type without details", 0, len(records) - with_table),
    ]


def text_checks(portal: Portal, records: list[Record]) -> list[Row]:
    """Return the checks of call outcomes and redacted e-mails."""
    calls = of_types(records, ("CALL",))
    outcomes = [call["metadata"].get("disposition") or "" for call in calls]
    mails = of_types(records, EMAILS)
    is_redacted = (str(mail["metadata"].get("html") or "").startswith(REDACTED) for mail in mails)
    return [
        check(
            "call outcome that is not in call_dispositions",
            sum(outcome != "" and outcome not in portal.dispositions for outcome in outcomes),
            sum(map(bool, outcomes)),
        ),
        check("e-mail whose text HubSpot holds back", sum(is_redacted), len(mails)),
    ]


def of_types(records: Iterable[Record], kinds: Sequence[str]) -> list[Record]:
    return [record for record in records if record["engagement"].get("type") in kinds]


def check(what: str, number: int, out_of: int) -> Row:
    return what, number, out_of, share(number, out_of), "wrong" if number else "ok"


REPORTS: Mapping[str, Callable[[Portal, Options], list[Row]]] = {
    "daily": daily,
    "owners": owners,
    "calls": calls,
    "meetings": meetings,
    "hours": hours,
    "first-response": first_response,
    "quality": quality,
    "tasks": tasks,
    "outcomes": outcomes,
    "response": response,
    "touches": touches,
    "measures": measures,
}
