"""Writes terminal escapes: of colour, of titles, of links, and many that never end."""

from __future__ import annotations

import sys

sys.stdout.write("\x1b[2J\x1b[1;1Hat the top\n")
sys.stdout.write("\x1b]0;another title\x07titled\n")
sys.stdout.write("\x1b]8;;x.invalid\x1b\\linked\x1b]8;;\x1b\\\n")
sys.stdout.write("\x1b]0;" * 50_000 + "\n")
sys.stdout.write("\x1bPnever ended \x9b?1049 \x1b[" + "3" * 50_000 + "\n")
sys.stdout.write("over\rwritten\n")
