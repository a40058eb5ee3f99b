"""A process that has ended is told from one that runs, as far as this machine can know."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from target_mysql.loading.process_identity import ProcessIdentity


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a namespace")
def test_a_process_whose_pid_counts_elsewhere() -> None:
    """
    If /proc shows another pid namespace, no process can be looked up.
    """
    program = "from target_mysql.loading.process_identity import ProcessIdentity as P;"
    command = [sys.executable, "-c", program + "print([P.of_this_process().machine])"]
    done = subprocess.run(
        ["unshare", "--pid", "--fork", *command], check=True, capture_output=True, text=True
    )
    assert done.stdout == "['']\n"


def test_a_process_that_has_ended() -> None:
    """
    Only a process that has certainly ended counts as ended: not this process, nor one on another
    machine.
    """
    us = ProcessIdentity.of_this_process()
    assert us.pid == os.getpid() and us.start and us.machine
    assert not us.has_ended()
    assert not replace(us, pid=2**22 + 1, machine="another").has_ended()
    assert not replace(us, pid=2**22 + 1, machine="").has_ended()
    assert replace(us, pid=2**22 + 1).has_ended()
    assert replace(us, start="1").has_ended(), "the pid was given to a later process"
