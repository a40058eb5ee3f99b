"""The error that explains a run, from the reports of both programs."""

from __future__ import annotations

from hubspot_engagements.outcome import ProgramReport, to_error

BROKEN_PIPE = "cannot write: [Errno 32] Broken pipe: see what the target says"


def test_a_tap_that_was_stopped_for_its_target_explains_nothing() -> None:
    """The target's error counts, even if the signal that stopped the tap ended it."""
    tap = ProgramReport(exit_code=-15, error=BROKEN_PIPE)
    target = ProgramReport(exit_code=75, error="state a is being loaded by another target-mysql")
    assert to_error(tap, target) == target.error


def test_a_killed_tap_explains_its_half_line() -> None:
    """A tap that was killed leaves half a line, which is the target's error."""
    tap = ProgramReport(exit_code=-9, error="the tap was ended by SIGKILL", was_killed=True)
    target = ProgramReport(exit_code=1, error="line 7: not JSON")
    assert to_error(tap, target) == tap.error
