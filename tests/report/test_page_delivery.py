"""The page as a picture and as mail, and how large it is."""

from __future__ import annotations

import email.policy
import re
import struct
from pathlib import Path

import pytest

from engagements_report.config import read_config
from engagements_report.page import html_report, picture
from engagements_report.queries.calendar import read_day
from engagements_report.queries.database import Database
from engagements_report.queries.periods import UTC, Period, ReportFilter
from tests.conftest import TestDatabase, run_program
from tests.report import sales_team
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.sales_team import LAST_WEEK
from tests.report.tables import run

NEW_YEAR_2018_MS, DAY_MS = 1_514_764_800_000, 86_400_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def test_a_picture(database: TestDatabase, reports: Reports, tmp_path: Path) -> None:
    """
    --png writes the first screen beside the page: a picture of 1,500 pixels with the charts in it.
    """
    sales_team.fill(database)
    page, png = tmp_path / "page.html", tmp_path / "page.png"
    reports.out("html", page, *LAST_WEEK, "--png", png)
    content = png.read_bytes()
    assert content.startswith(PNG_SIGNATURE) and page.exists()
    width, height = struct.unpack(">II", content[16:24])
    assert width == 1500 and 700 < height < 1500
    assert len(content) > 50_000  # an empty picture has a tenth


def test_the_picture_has_the_numbers_of_the_page(database: TestDatabase, reports: Reports) -> None:
    """
    What the picture is drawn from has the page's title, figures, changes and line names.
    """
    sales_team.fill(database)
    first, last = map(read_day, LAST_WEEK[1::2])
    connection = Database(read_config([], database.environment, ())[0])
    written = html_report.render(connection, ReportFilter(Period(first, last, UTC)))
    connection.close()
    svg = re.sub(r"<[^>]+>", " ", picture.to_svg(written.page, written.charts))
    texts = " ".join(svg.split())
    assert "Week 11, 9 to 15 March 2026" in texts
    for figure in written.page.figures:
        assert f"{figure.name} {figure.value}" in texts
    assert "▼ −33 % Calls 100 against 150" in texts
    assert "CALL 17.9 (−17 %)" in texts


@pytest.mark.parametrize("option", ["--png", "--email-html"])
def test_without_the_extra_it_says_what_to_install(
    database: TestDatabase, tmp_path: Path, option: str
) -> None:
    """
    Without the extra `png` the error names it, and nothing is written.
    """
    sales_team.fill(database)
    (tmp_path / "vl_convert.py").write_text("raise ModuleNotFoundError(name='vl_convert')\n")
    environment = {**database.environment, "PYTHONPATH": str(tmp_path)}
    page = tmp_path / "page.html"
    arguments = ("html", page, option, tmp_path / "other")
    done = run_program("engagements-report", *arguments, environment=environment)
    assert (done.code, done.out) == (2, "")
    assert "need the extra `png`: pip install 'tap-hubspot-engagements[png]'" in done.err
    assert not page.exists()
    assert run_program("engagements-report", "html", page, environment=environment).code == 0


def test_a_picture_is_of_the_whole_page(database: TestDatabase, tmp_path: Path) -> None:
    """
    Beside the name of a report, whose page has no first screen, --png is an error.
    """
    sales_team.fill(database)
    done = run(database, "html", tmp_path / "a.html", "calls", "--png", tmp_path / "a.png")
    assert done.code == 2 and "leave out REPORT" in done.err


def test_mail_is_what_clients_show(
    database: TestDatabase, reports: Reports, tmp_path: Path
) -> None:
    """
    The HTML for mail has tables and one picture, styles on each element, and nothing else; its
    figures are the page's.
    """
    sales_team.fill(database)
    page_file, file = tmp_path / "page.html", tmp_path / "mail.html"
    reports.out("html", page_file, *LAST_WEEK, "--email-html", file)
    html = file.read_text(encoding="utf-8")
    mail, page = Page(html), Page(page_file.read_text(encoding="utf-8"))
    assert not {"script", "style", "svg", "details", "input", "link", "iframe"} & {*mail.tags}
    assert mail.tags.count("img") == 1
    (address,) = mail.addresses
    assert address.startswith("data:image/png;base64,iVBORw0KGgo")
    assert re.search(r'<img [^>]*alt="[^"]{20,}', html)
    text = mail.text("head")
    assert "▼ −33 % Calls : 100 against 150" in text
    assert "Calls 100 ▼ −33 % 150 the week before, 150 mean of 8 weeks" in text
    for row in page.tables["people"]:
        assert all(cell in text for cell in row[:6])


def test_a_whole_message(database: TestDatabase, reports: Reports, tmp_path: Path) -> None:
    """
    For a name that ends in .eml, a message is written: text, or HTML with its picture beside.
    """
    sales_team.fill(database)
    file = tmp_path / "mail.eml"
    reports.out("html", tmp_path / "page.html", *LAST_WEEK, "--email-html", file)
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "Week 11, 9 to 15 March 2026"
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    text, html, png = (part for part in message.walk() if not part.is_multipart())
    assert "Calls: 100 (−33 %), 150 the week before, 150 mean of 8 weeks" in text.get_content()
    assert "−60 % Ada Ampere, calls: 20 against 50" in text.get_content()
    assert f'src="cid:{png["Content-ID"][1:-1]}"' in html.get_content()
    assert png.get_content().startswith(PNG_SIGNATURE)


def test_the_size_of_the_page(database: TestDatabase, write: Write) -> None:
    """
    The page of twelve people and ninety days has less than 150 KB.
    """
    sales_team.fill(database)
    database.query("DELETE FROM engagements")
    kinds = ("CALL", "EMAIL", "INCOMING_EMAIL", "MEETING", "NOTE", "TASK", "SMS")
    rows = [
        (at_ms, kinds[(day * 7 + owner + nth) % 7], 100 + owner, 10**9 + day * 60 + nth)
        for day in range(200)
        for owner in range(12)
        for nth, at_ms in enumerate(
            range(
                NEW_YEAR_2018_MS + day * DAY_MS,
                NEW_YEAR_2018_MS + day * DAY_MS + 36 * 10**6,
                4 * 10**6,
            )
        )
    ]
    values = ", ".join(
        f"({at_ms}, {at_ms}, '{kind}', {owner}, {portal})" for at_ms, kind, owner, portal in rows
    )
    database.query(
        f"INSERT INTO engagements (createdAt, `timestamp`, type, ownerId, portalId) VALUES {values}"
    )
    html = write("--from", "2018-04-14", "--to", "2018-07-12")
    assert Page(html).tables["daily"][0][1] == "all" and len(Page(html).tables["people"]) == 1 + 12
    assert 50_000 < len(html.encode()) < 150_000
