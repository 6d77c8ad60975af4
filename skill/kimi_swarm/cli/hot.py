"""The light verbs: list, poll, log, wait, kill. Standard library only.

They run in the launcher's own process, before any environment is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

from kimi_swarm.actions.state import program_name
from kimi_swarm.calls import light
from kimi_swarm.cli.exits import guarded
from kimi_swarm.cli.printing import say
from kimi_swarm.cli.quick import read_plainly
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from typing import Any

    from kimi_swarm.calls.answer import Answer


def main(argv: Sequence[str]) -> int:
    """Run one light verb; returns its exit code."""
    return guarded(_main, argv)


def _main(argv: Sequence[str]) -> int:
    verb = next(word for word in argv if not word.startswith("-"))
    rest = list(argv)
    rest.remove(verb)
    asked = read_plainly(verb, rest) or _read_carefully(verb, rest)
    if verb == "log" and asked.follow:
        if asked.json:
            raise UsageError(
                "--follow prints lines as they come, and --json one object.",
                remedy="Give one of them.",
            )
        from kimi_swarm.cli.follow import follow_log  # noqa: PLC0415 for people

        return follow_log(state_home(), asked.session, is_raw=asked.raw)
    return say(_VERBS[verb](state_home(), asked), is_json=asked.json)


def _read_carefully(verb: str, rest: Sequence[str]) -> SimpleNamespace:
    from kimi_swarm.cli.arguments import HOT, parser_for  # noqa: PLC0415 argparse is slow

    add, summary = HOT[verb]
    parser = parser_for(verb, add, prog=program_name(), summary=summary)
    return parser.parse_args(rest, SimpleNamespace())


# A test holds that a command line has the fields of the models that these ask for.
_VERBS: dict[str, Callable[[str, Any], Answer]] = {
    "list": light.list_,
    "poll": light.poll,
    "log": light.log,
    "wait": light.wait,
    "kill": light.kill,
}
