"""What is published: which files of a folder, what they weigh, and a copy of them."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

from publishing.finding import Finding, note, wrong
from publishing.ignoring import is_left_out, rules_of

RULES = (".gitignore", ".clawhubignore")
NEVER = ("node_modules/",)
LIBRARY_FILES = 256
"""What a host's shared library of skills takes; a plain installation has no bound."""
FILE_LIMIT_BYTES = 1 << 20
DOWNLOAD_LIMIT_BYTES = 1 << 20
UNPACKED_LIMIT_BYTES = 3 << 20
SEARCHED_BYTES = 7_500
"""The marketplace's search reads so much: SKILL.md first, then what else there is."""
# Files of these kinds in a skill make the marketplace refuse it as a plugin.
PLUGIN_FILES = ("openclaw.plugin.json", "package.json")


class Weight(NamedTuple):
    """How many files there are, and their bytes unpacked and as a download."""

    files: int
    unpacked_bytes: int
    download_bytes: int


def published(root: Path) -> list[str]:
    """Return the relative path of each file that is published of the folder, sorted.

    Goes by what lies there, as the marketplace's own program does.
    """
    present = (root / name for name in RULES)
    rules = [
        *NEVER,
        *(
            rule
            for one in present
            if one.exists()
            for rule in rules_of(one.read_text())
        ),
    ]
    found: list[str] = []
    for folder, names, files in os.walk(root):
        paths = [(Path(folder) / name).relative_to(root) for name in files]
        found += [path.as_posix() for path in paths]
        # These are large, and left out whatever the rules say.
        names[:] = [name for name in names if not name.startswith(".")]
    return sorted(
        path
        for path in found
        if not is_left_out(path, rules) and not (root / path).is_symlink()
    )


def weigh(root: Path, names: list[str]) -> Weight:
    """Weigh files of the folder, packed as a download is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(root / name, name)
    sizes = [(root / name).stat().st_size for name in names]
    return Weight(len(names), sum(sizes), len(packed.getbuffer()))


def copy(root: Path, target: Path) -> Path:
    """Copy what is published into a new folder, without the bits that say "run me"."""
    for name in published(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)
    return target


def look_at(root: Path) -> list[Finding]:
    """Find what about the files themselves keeps them from being published."""
    names = published(root)
    weight = weigh(root, names)
    found = [
        wrong(name, f"larger than {FILE_LIMIT_BYTES:,} bytes.")
        for name in names
        if (root / name).stat().st_size > FILE_LIMIT_BYTES
    ]
    found += [
        wrong(name, "makes this a plugin, and a plugin cannot be published as a skill.")
        for name in names
        if name in PLUGIN_FILES
    ]
    if weight.download_bytes > DOWNLOAD_LIMIT_BYTES:
        sentence = f"{weight.download_bytes:,} bytes; {DOWNLOAD_LIMIT_BYTES:,} is ours."
        found.append(wrong("the download", sentence))
    if weight.unpacked_bytes > UNPACKED_LIMIT_BYTES:
        sentence = f"{weight.unpacked_bytes:,} bytes unpacked."
        found.append(wrong("the files", sentence))
    if weight.files > LIBRARY_FILES:
        sentence = (
            f"{weight.files} are more than the {LIBRARY_FILES} that a host's shared "
            "library takes; installing is not bounded."
        )
        found.append(note("the files", sentence))
    if (size := (root / "SKILL.md").stat().st_size) > SEARCHED_BYTES:
        sentence = f"search reads {SEARCHED_BYTES:,} of its {size:,} bytes."
        found.append(note("SKILL.md", sentence))
    return found
