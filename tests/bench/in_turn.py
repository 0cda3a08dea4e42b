"""in_turn.py ROUNDS: runs commands (one JSON list of words a line, on standard input) in turn, and prints a JSON list of their median milliseconds.

In turn, so that a busy moment of the machine weighs on all of them. A command that fails ends it.
"""

import json
import os
import statistics
import sys
import time

rounds = int(sys.argv[1])
commands = [json.loads(line) for line in sys.stdin]
nothing = os.open(os.devnull, os.O_RDWR)
silent = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, nothing, 1)]
taken = [[] for _ in commands]
for _ in range(rounds):
    for words, times in zip(commands, taken):
        start = time.perf_counter_ns()
        # vfork inside: the launcher's size does not weigh on the time.
        child = os.posix_spawn(words[0], words, os.environ, file_actions=silent)
        _, status = os.waitpid(child, 0)
        times.append((time.perf_counter_ns() - start) / 1e6)
        if status:
            sys.exit(f"{words} ended with {os.waitstatus_to_exitcode(status)}")
print(json.dumps([statistics.median(times) for times in taken]))
