"""The expected reports of the portal of June 2018: (type, day, engagements)."""

from __future__ import annotations

JUNE_2018: tuple[tuple[str, str, int], ...] = (
    ("CALL", "2018-07-10", 1),
    ("EMAIL", "2018-06-28", 1),
    ("EMAIL", "2018-06-30", 1),
    ("INCOMING_EMAIL", "2018-06-28", 1),
    ("INCOMING_EMAIL", "2018-07-01", 1),
    ("NOTE", "2018-07-02", 1),
    ("NOTE", "2018-07-09", 2),
    ("NOTE", "2018-07-10", 2),
    ("NOTE", "2018-07-11", 8),
    ("NOTE", "2018-07-12", 11),
    ("PUBLISHING_TASK", "2018-06-25", 1),
    ("PUBLISHING_TASK", "2018-06-28", 2),
    ("TASK", "2018-06-15", 1),
    ("TASK", "2018-06-17", 1),
    ("TASK", "2018-06-18", 6),
    ("TASK", "2018-06-19", 1),
    ("TASK", "2018-06-21", 2),
    ("TASK", "2018-06-25", 2),
    ("TASK", "2018-06-26", 1),
    ("TASK", "2018-06-28", 1),
    ("TASK", "2018-06-29", 2),
    ("TASK", "2018-07-01", 10),
    ("TASK", "2018-07-10", 1),
    ("TASK", "2018-07-13", 4),
)
# The average of TASK over the 14 days that end on 2018-07-13: 15 tasks, all since 06-30.
TASK_AVERAGE_DAY = "2018-07-13"
TASK_AVERAGE = 1.0714
# From the first day with engagements to the last.
JUNE_2018_DAYS = ("2018-06-15", "2018-07-13")
