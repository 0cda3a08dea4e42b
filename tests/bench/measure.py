"""measure.py OUT PROGRAM [ARGS]: runs the program and leaves one line of JSON in OUT: milliseconds of wall clock and of CPU, peak memory.

The kernel counts the launcher's own memory, about 10 MB, into a child's peak: a smaller peak cannot be seen, for /bin/true neither.
"""

import json
import os
import sys
import time

out, program, *args = sys.argv[1:]
start = time.perf_counter_ns()
# vfork inside: the launcher's size does not weigh on the time.
child = os.posix_spawn(program, [program, *args], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter_ns() - start
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
with open(out, "w", encoding="ascii") as file:
    json.dump({"wall_ms": wall / 1e6, "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1e3, "peak_mb": peak / 1e6}, file)
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
