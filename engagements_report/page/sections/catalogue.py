"""The reports that have a section: titles, questions, and what builds the content."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engagements_report.page.document import Section
from engagements_report.page.sections.first_response import build_first_response
from engagements_report.page.sections.hours import build_hours
from engagements_report.page.sections.outcomes import build_calls, build_meetings
from engagements_report.page.sections.parts import SectionInput
from engagements_report.page.sections.quality import build_quality

# Of each report: the section's title, and the question that the report answers.
TITLES = {
    "daily": ("Engagements a day", ""),
    "rolling": ("14-day average, a day", ""),
    "owners": ("People", "What did each owner log, and get done?"),
    "calls": ("Call outcomes", "How did calls end, and how many reached someone?"),
    "meetings": ("Meeting outcomes", "How did meetings end?"),
    "first-response": ("First response", "How soon were incoming e-mails answered?"),
    "hours": ("Weekdays and hours", "When in the week do engagements happen?"),
    "quality": ("Data quality", "What in the data is missing or wrong?"),
}
TEAMS = ("teams", "Teams", "")
CHARTS = ("daily", "rolling")  # on the first screen
# What an empty report has not found.
NOTHING_FOUND = {
    **dict.fromkeys(("daily", "rolling", "hours", "quality"), "engagements"),
    "owners": "calls, e-mails, meetings, notes or tasks",
    "calls": "calls",
    "meetings": "meetings",
    "first-response": "incoming e-mails",
}
SECTION_BUILDERS: Mapping[str, Callable[[SectionInput], Section]] = {
    "calls": build_calls,
    "meetings": build_meetings,
    "first-response": build_first_response,
    "hours": build_hours,
    "quality": build_quality,
}
