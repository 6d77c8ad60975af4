"""What a check found: something wrong, something missing, or something to know."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How much a finding weighs."""

    WRONG = "wrong"
    """Nothing may be published, or land, with it."""
    MISSING = "missing"
    """Only whoever publishes can fill it in; until then nothing can be published."""
    NOTE = "note"
    """Good to know."""


class Finding(NamedTuple):
    """One thing that was found: where, and a sentence that says what and what to do."""

    level: Level
    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.sentence}"


def wrong(where: str, sentence: str) -> Finding:
    """Return what nobody may publish."""
    return Finding(Level.WRONG, where, sentence)


def missing(where: str, sentence: str) -> Finding:
    """Return what whoever publishes has to fill in."""
    return Finding(Level.MISSING, where, sentence)


def note(where: str, sentence: str) -> Finding:
    """Return what is good to know."""
    return Finding(Level.NOTE, where, sentence)
