"""Many cheap coding agents at once, supervised, isolated and judged by evidence."""

from __future__ import annotations

__version__ = "0.1.0"
