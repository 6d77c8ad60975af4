"""From the words of a command line to a call, and what comes of it printed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import anyio

from kimi_swarm.calls.catalogue import call_of
from kimi_swarm.calls.perform import perform
from kimi_swarm.cli.printing import say
from kimi_swarm.location import state_home

PRINTING = ("json", "words")
"""What a command line has beside the fields of the call."""


def asked_of(verb: str, args: argparse.Namespace, *, own: Sequence[str] = ()) -> Any:
    """Make a call of a command line, without options of the command line's `own`.

    Raises CallError.
    """
    left_out = {*PRINTING, *own}
    fields = {name: given for name, given in vars(args).items() if name not in left_out}
    return call_of(verb, fields)


def call(verb: str, args: argparse.Namespace, *, end: str = "\n") -> int:
    """Do what a command line asks for, and print it; returns the exit code."""
    answer = anyio.run(perform, state_home(), asked_of(verb, args))
    return say(answer, is_json=args.json, end=end)
