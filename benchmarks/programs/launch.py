"""
Runs a command to its end and writes what it took into a file descriptor, as JSON.

A process of its own, since Linux counts the memory of whoever starts a program as the program's:
this one is small. Imports nothing that it can do without. Arguments: its number, then the command.
"""

import os
import sys
import time


def main() -> None:
    report, *command = sys.argv[1:]
    os.set_inheritable(int(report), False)
    began_s = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    # Whoever is on the other side of a pipe is to see its end.
    os.close(0)
    os.close(1)
    _, status, used = os.wait4(pid, 0)
    wall_s = time.monotonic() - began_s
    usage = (
        f'{{"code": {os.waitstatus_to_exitcode(status)}, "wall_s": {wall_s},'
        f' "cpu_s": {used.ru_utime + used.ru_stime}, "peak_mb": {used.ru_maxrss / 1024}}}'
    )
    os.write(int(report), usage.encode())


if __name__ == "__main__":
    main()
