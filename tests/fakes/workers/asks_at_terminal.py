"""A made-up coding CLI that works at a terminal only, and asks before it writes.

    asks_at_terminal.py PROMPT_FILE FILE

Without a terminal it says so and ends with 2. It writes the prompt's first line and the
answer to FILE; the answer `no` makes it end without.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(prompt_file: str, target: str) -> int:
    if not all(os.isatty(number) for number in (0, 1, 2)):
        sys.stderr.write("This program needs a terminal.\n")
        return 2
    prompt = Path(prompt_file).read_text("utf-8").strip().splitlines()[0]
    sys.stdout.write(f"\033[1mI heard: {prompt}\033[0m\r\n")
    sys.stdout.write(f"\033[33mMay I write {target}? [yes/no] \033[0m")
    sys.stdout.flush()
    answer = sys.stdin.readline().strip()
    if answer == "no":
        sys.stdout.write("Then not.\n")
        return 1
    Path(target).write_text(f"{prompt}: {answer}\n", "utf-8")
    sys.stdout.write(f"Wrote {target}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
