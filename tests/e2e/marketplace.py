"""The marketplace's real program, talking to a registry on loopback only."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fakes.skill_registry import HANDLE, TOKEN
from publishing import release
from publishing.identity import Identity

CALL_LIMIT_S = 120.0
NAME = "kimi-swarm"
COMMIT = "0123456789" * 4


class Marketplace:
    """One user of `clawhub`, logged in, whose skills lie under `workspace`."""

    def __init__(
        self, folder: Path, commands: Path, url: str, env: Mapping[str, str]
    ) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir(parents=True)
        settings = folder / "clawhub.json"
        settings.write_text(json.dumps({"registry": url, "token": TOKEN}))
        self._program = commands / "clawhub"
        unproxied = {
            name: value for name, value in env.items() if "PROXY" not in name.upper()
        }
        self.env = {
            **unproxied,
            "CLAWHUB_CONFIG_PATH": str(settings),
            "CLAWHUB_REGISTRY": url,
            "CLAWHUB_SITE": url,
            "CLAWHUB_DISABLE_TELEMETRY": "1",
            "NO_COLOR": "1",
        }

    @property
    def installed(self) -> Path:
        return self.workspace / "skills" / NAME

    def call(self, *words: str | Path) -> str:
        """Run one of its commands, which must succeed; gives all that it printed."""
        done = subprocess.run(
            [self._program, *words],
            cwd=self.workspace,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=CALL_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def publish(self, words: Sequence[str]) -> dict[str, Any]:
        """Run the very command that a person is shown; gives what it answered."""
        assert words[0] == "clawhub"
        return dict(json.loads(self.call(*words[1:], "--json")))

    def install(self, *, into: Path | None = None) -> None:
        """Install the newest version, into a host's workspace or the user's own."""
        self._manage("install", NAME, into=into)

    def update(self) -> str:
        """Update, as one does who was told nothing of `--force`."""
        return self._manage("update", NAME)

    def _manage(self, *words: str, into: Path | None = None) -> str:
        folder = into or self.workspace
        return self.call("--workdir", folder, "--no-input", *words)


def words_for(folder: Path, version: str = "0.1.0") -> list[str]:
    """Return the very command that publishes a folder, for a publisher of the tests."""
    said = Identity(NAME, version, "", f"https://github.com/nobody/{NAME}")
    return release.command(folder, said, commit=COMMIT, changes="- It works.")


def for_openclaw(url: str) -> dict[str, str]:
    """Return the variables that send a host to a registry, and the skill's name."""
    return {"OPENCLAW_CLAWHUB_URL": url, "CLAWHUB_URL": url}


def reference() -> str:
    """Return the name by which a host asks for the skill."""
    return f"@{HANDLE}/{NAME}"


def put_version(folder: Path, version: str) -> None:
    """Make a laid skill another version, in each file that says which it is."""
    for name in ("manifest.yaml", "skill/kimi_swarm/__init__.py"):
        path = folder / name
        text = path.read_text("utf-8")
        changed = text.replace("0.1.0", version, 1)
        assert changed != text, name
        path.write_text(changed, "utf-8")


def names_of(folder: Path) -> set[str]:
    """Return the relative path of every file in a folder, hidden ones included."""
    found = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    return {one.relative_to(folder).as_posix() for one in found}
