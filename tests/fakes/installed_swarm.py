"""kimi-swarm as installed: the published files, started by path, at odd places."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fakes.skill_folder import digests
from fakes.swarm import ROOT, Swarm
from publishing import parcel

ODD = "Übung süß 文件 'q' \"d\" $x &"
"""A name that nobody who quotes carelessly survives."""
BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
PACKAGES = sysconfig.get_path("purelib")
# What the marketplace and the host put beside the published files.
ADDED = ("_meta.json", ".clawhub/origin.json", ".openclaw/source-origin.json")

# Offline: an environment that borrows the tests' packages, which the locks equal.
UV = f"""#!/bin/sh
case "$1" in
--version) echo "uv 9.9.9 (fake)" ;;
venv) for folder; do :; done; exec "{BASE_PYTHON}" -m venv --without-pip "$folder" ;;
pip) for word; do [ "$before" = --python ] && python="$word"; before="$word"; done
     echo "{PACKAGES}" > "$("$python" -c '
import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth" ;;
esac
"""


def install(folder: Path, *, version: str | None = None) -> Path:
    """Lay the skill as the marketplace does; gives its folder."""
    parcel.copy(ROOT, folder)
    for name in ADDED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}\n")
    if version is not None:
        said = folder / "skill" / "kimi_swarm" / "__init__.py"
        said.write_text(said.read_text().replace("0.1.0", version))
    return folder


def make_read_only(folder: Path, *, undo: bool = False) -> None:
    """Take every right to write from a folder and what is in it, or give it back."""
    for one in (folder, *folder.rglob("*")):
        mode = one.stat().st_mode
        one.chmod(mode | 0o200 if undo else mode & ~0o222)


class InstalledSwarm(Swarm):
    """A user whose skill, home, state, cache, config and work all lie at odd places."""

    def __init__(self, base: Path, *, version: str | None = None) -> None:
        folder = base / ODD
        folder.mkdir(parents=True)
        self.skill = install(folder / "skills" / "kimi-swarm", version=version)
        self.as_installed = digests(self.skill)
        super().__init__(self.skill, folder, home=folder / "the state")
        self.cache = folder / "the cache"
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "uv").write_text(UV)
        (bin_folder / "uv").chmod(0o755)
        (bin_folder / "python3").symlink_to(BASE_PYTHON)
        git = Path(shutil.which("git") or "git").parent
        del self.env["PYTHONPATH"]
        self.env |= {
            "PATH": f"{bin_folder}:{git}:/usr/bin:/bin",
            "XDG_CONFIG_HOME": str(folder / "home" / ".config"),
            "KIMI_SWARM_CACHE": str(self.cache),
            "KIMI_SWARM_IDLE_S": "0.2",
        }

    def start(
        self,
        *words: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> subprocess.Popen[str]:
        """Start one command by the path of the installed script."""
        return subprocess.Popen(
            [BASE_PYTHON, str(self.skill / "skill" / "swarm.py"), *map(str, words)],
            cwd=cwd or self.folder,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            **more,
        )

    def replace_skill(self, version: str) -> None:
        """Put another version in the skill's place, as the marketplace does."""
        parent = self.skill.parent
        stage, backup = parent / ".stage", parent / ".backup"
        install(stage, version=version)
        self.skill.rename(backup)
        stage.rename(self.skill)
        shutil.rmtree(backup)

    def copies(self) -> list[Path]:
        """Return the copies of the code in the cache."""
        return sorted((self.cache / "code").iterdir())
