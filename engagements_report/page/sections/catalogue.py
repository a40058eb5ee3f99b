"""The reports that have a section: titles, questions, and what builds the content."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engagements_report.page.sections.daily import build_daily
from engagements_report.page.sections.first_response import build_first_response
from engagements_report.page.sections.hours import build_hours
from engagements_report.page.sections.outcomes import build_calls, build_meetings
from engagements_report.page.sections.owners import build_owners
from engagements_report.page.sections.parts import SectionContent, SectionInput
from engagements_report.page.sections.quality import build_quality
from engagements_report.page.sections.rolling import build_rolling

# Of each report: the section's title, and the question that the report answers.
TITLES = {
    "daily": ("Engagements a day", "How many engagements of each type were there each day?"),
    "rolling": ("Rolling average", "How many a day, over the days up to each day?"),
    "owners": ("Owners", "What did each owner log, and get done?"),
    "calls": ("Call outcomes", "How did calls end, and how many reached someone?"),
    "meetings": ("Meeting outcomes", "How did meetings end?"),
    "hours": ("Weekdays and hours", "When in the week do engagements happen?"),
    "first-response": ("First response", "How soon were incoming e-mails answered?"),
    "quality": ("Data quality", "What in the data is missing or wrong?"),
}
# What an empty report has not found.
NOTHING_FOUND = {
    **dict.fromkeys(("daily", "rolling", "hours", "quality"), "engagements"),
    "owners": "calls, e-mails, meetings, notes or tasks",
    "calls": "calls",
    "meetings": "meetings",
    "first-response": "incoming e-mails",
}
SECTION_BUILDERS: Mapping[str, Callable[[SectionInput], SectionContent]] = {
    "daily": build_daily,
    "rolling": build_rolling,
    "owners": build_owners,
    "calls": build_calls,
    "meetings": build_meetings,
    "hours": build_hours,
    "first-response": build_first_response,
    "quality": build_quality,
}
