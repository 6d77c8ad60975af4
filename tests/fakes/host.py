"""A host that can be told things by a command, and is up or down as a test wants."""

from __future__ import annotations

import json
import os

from fakes.swarm import Swarm, until

PROGRAM = """#!/bin/sh
# Takes words to its agent while it is up; as its original, it tells by its exit code.
while [ -e "{folder}/hangs" ]; do sleep 0.05; done
if [ ! -e "{folder}/up" ]; then
  echo "Gateway not reachable. token=sk-live-0123456789abcdef0123" >&2
  echo x >> "{folder}/refused"
  exit 1
fi
for word in "$OPENCLAW_STATE_DIR" "${{OPENCLAW_GATEWAY_TOKEN-none}}" "$@"; do
  printf '%s\\0' "$word"
done >> "{folder}/heard"
echo >> "{folder}/heard"
"""


class FakeHost:
    """A host named openclaw on the PATH of a user; `calls` is what it was told."""

    def __init__(self, swarm: Swarm) -> None:
        self.folder = swarm.folder / "host"
        commands = self.folder / "bin"
        commands.mkdir(parents=True)
        self.program = commands / "openclaw"
        self.program.write_text(PROGRAM.format(folder=self.folder))
        self.program.chmod(0o755)
        swarm.env["PATH"] = f"{commands}{os.pathsep}{swarm.env['PATH']}"
        swarm.env["OPENCLAW_STATE_DIR"] = str(self.folder / "state of it")

    def go_up(self) -> None:
        (self.folder / "up").touch()

    def go_down(self) -> None:
        (self.folder / "up").unlink()

    def hang(self) -> None:
        (self.folder / "hangs").touch()

    def answer(self) -> None:
        """Hang no more."""
        (self.folder / "hangs").unlink()

    @property
    def calls(self) -> list[list[str]]:
        """The words of each call that was accepted: state folder, token, arguments."""
        heard = self.folder / "heard"
        if not heard.exists():
            return []
        lines = heard.read_text().splitlines()
        return [line.split("\0")[:-1] for line in lines]

    @property
    def texts(self) -> list[str]:
        """What its agent was told, in order."""
        return [call[-1] for call in self.calls]

    @property
    def ids(self) -> list[str]:
        """The completions it was told of, in order."""
        return [text.split()[0].rstrip(":") for text in self.texts]

    @property
    def refusals(self) -> int:
        refused = self.folder / "refused"
        return len(refused.read_text().split()) if refused.exists() else 0

    def wait_for(self, count: int) -> list[str]:
        """Wait until its agent was told so often; return what."""
        until(lambda: len(self.texts) >= count)
        return self.texts


def notice_of(swarm: Swarm, run: str) -> dict[str, object]:
    """Return the one notice of a run, as `list` tells it."""
    (notice,) = swarm.ask("list", run)["notices"]
    assert json.dumps(notice)
    return dict(notice)
