"""kimi-swarm for Python programs: the same actions, typed, under asyncio and trio."""

from __future__ import annotations
