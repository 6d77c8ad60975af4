"""Writes bytes that are no text: wrong UTF-8, torn characters, NUL, then one word."""

from __future__ import annotations

import sys

sys.stdout.buffer.write(bytes(range(256)) * 4)
sys.stdout.buffer.write(b"\n\xed\xa0\x80 \xf0\x9f \xc3(\x00\x00\n")
sys.stdout.buffer.write("sane ✓\n".encode())
