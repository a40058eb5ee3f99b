"""
Runs a command and writes its usage as JSON to a file descriptor.

A separate, small process: Linux counts the memory of the starting process as the started
program's. So the imports are few. Arguments: the number of the descriptor, then the command.
"""

import os
import sys
import time


def main() -> None:
    report, *command = sys.argv[1:]
    os.set_inheritable(int(report), False)
    began_s = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    # The other side of a pipe must see its end.
    os.close(0)
    os.close(1)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.monotonic() - began_s
    report_text = (
        f'{{"code": {os.waitstatus_to_exitcode(status)}, "wall_s": {wall_s},'
        f' "cpu_s": {usage.ru_utime + usage.ru_stime}, "peak_mb": {usage.ru_maxrss / 1024}}}'
    )
    os.write(int(report), report_text.encode())


if __name__ == "__main__":
    main()
