"""Presses the tab key: `tab.py SETUP TYPED SHELL...` starts the interactive shell in a terminal, has it read SETUP, types TYPED and a tab, and
prints the words that stand on the line then."""
import os
import pty
import re
import select
import sys
import time

setup, typed, shell = sys.argv[1], sys.argv[2], sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(shell[0], shell)
seen = ""


def read(seconds):
    """Adds what comes within the time; whether something did."""
    global seen
    if not select.select([terminal], [], [], seconds)[0]:
        return False
    seen += os.read(terminal, 65536).decode(errors="replace")
    return True


def shown(pattern):
    """Waits for it, without what only moves the cursor, and forgets what came up to its end."""
    global seen
    end = time.monotonic() + 20
    while True:
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r(?=\r)", "", seen)
        found = re.search(pattern, plain, re.M)
        if found:
            seen = plain[found.end():]
            return found
        if time.monotonic() > end:
            sys.exit("%s does not come; there is %r" % (pattern, plain))
        read(0.5)


# Quotes within the words: the line that the terminal echoes is not what is waited for.
os.write(terminal, b"PS1='rea''dy> '\n" + setup.encode() + b"\necho loa''ded\n")
shown(r"^\r*loaded\r?\n")
shown(r"ready> ")
os.write(terminal, typed.encode() + b"\t")
# The shell asks and redraws; it is done when nothing more comes.
while read(2):
    pass
# To the start of the line, and the words on it are printed.
os.write(terminal, b"\x01echo 'li''ne' \x05 :e''nd\n")
print(shown(r"^\r*line (.*) :end\r?$").group(1))
