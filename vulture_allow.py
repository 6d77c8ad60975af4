"""Names that look dead to vulture and are not; each with its reason beside it."""

from __future__ import annotations
