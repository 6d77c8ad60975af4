"""A skill folder with the real launcher and a fake package that tells how it ran."""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

REAL_SKILL = Path(__file__).parents[2] / "skill"

TELL = """
import os, sys

def main(argv):
    told = {"mode": "MODE", "argv": argv, "python": sys.executable, "pid": os.getpid()}
    told["env"] = dict(os.environ)
    told["path"] = list(sys.path)
    told["modules"] = sorted(sys.modules)
    told["file"] = __file__
    print(ascii(told))
    return 7 if "fail" in argv else 0
"""

MAIN = """
import sys

def main():
    from kimi_swarm.cli.main import main as run
    return run(sys.argv[1:])
"""

# Does what the launcher asks of uv, offline, and keeps a diary of its calls.
UV = """#!/bin/sh
echo "$@" >> "{diary}"
case "$1" in
--version) echo "uv 9.9.9 (fake)" ;;
venv) for folder; do :; done; exec "{python}" -m venv --without-pip "$folder" ;;
esac
"""


class Answer(NamedTuple):
    """What one call gave: exit code, what the fake told, and both streams."""

    code: int
    told: dict[str, Any]
    out: str
    err: str


class SkillFolder:
    """A scratch skill, its cache and its PATH, under paths that are hard to quote."""

    def __init__(self, base: Path) -> None:
        self.base = base / "my skills ü"
        self.root = self.base / "kimi's swarm"
        self.cache = self.base / "the cache é"
        self.bin = self.base / "bin"
        self.bin.mkdir(parents=True)
        package = self.root / "skill" / "kimi_swarm"
        (package / "cli").mkdir(parents=True)
        shutil.copy(REAL_SKILL / "swarm.py", self.root / "skill")
        ignored = shutil.ignore_patterns("__pycache__")
        launcher = self.root / "skill" / "launcher"
        shutil.copytree(REAL_SKILL / "launcher", launcher, ignore=ignored)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(MAIN)
        (package / "cli" / "__init__.py").touch()
        (package / "cli" / "hot.py").write_text(TELL.replace("MODE", "hot"))
        (package / "cli" / "main.py").write_text(TELL.replace("MODE", "main"))
        (self.root / "prompts" / "roles").mkdir(parents=True)
        (self.root / "prompts" / "roles" / "worker.md.j2").write_text("work")
        (self.root / "manifest.yaml").write_text("name: fake\n")
        (self.root / "requirements.lock").write_text("# few\n")
        (self.root / "requirements-mcp.lock").write_text("# more\n")

    @property
    def script(self) -> Path:
        return self.root / "skill" / "swarm.py"

    def with_fake_uv(self) -> Path:
        """Put a fake uv on PATH; return the diary of its calls."""
        diary = self.base / "uv diary"
        self.program("uv", UV.format(diary=diary, python=sys.executable))
        return diary

    def program(self, name: str, text: str) -> Path:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def env(self, **more: str) -> dict[str, str]:
        """Return the whole environment of a call."""
        fixed = {"PATH": str(self.bin), "HOME": str(self.base / "no home")}
        return {**fixed, "KIMI_SWARM_CACHE": str(self.cache), **more}

    def start(
        self, *argv: str, python: str = sys.executable, **more: str
    ) -> subprocess.Popen[str]:
        """Start a call without waiting for it."""
        return subprocess.Popen(
            [python, str(self.script), *argv],
            env=self.env(**more),
            cwd=self.base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def call(self, *argv: str, python: str = sys.executable, **more: str) -> Answer:
        """Make one call and return what it gave."""
        return finish(self.start(*argv, python=python, **more))

    def contents(self) -> dict[str, str]:
        """Return a digest of each file in the skill folder, and the folders."""
        return digests(self.root)

    def copies(self) -> list[Path]:
        """Return the code copies in the cache."""
        return sorted((self.cache / "code").iterdir())

    def environments(self) -> list[Path]:
        """Return all folders among the environments, finished or not."""
        return sorted(p for p in (self.cache / "env").iterdir() if p.is_dir())


def finish(call: subprocess.Popen[str]) -> Answer:
    """Wait for a started call and return what it gave."""
    with call:
        out, err = call.communicate(timeout=60)
    told = ast.literal_eval(out) if out.startswith("{'mode'") else {}
    return Answer(call.returncode, told, out, err)


def digests(folder: Path) -> dict[str, str]:
    """Return a digest of each file under `folder`, and "" for each folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in folder.rglob("*")
    }
