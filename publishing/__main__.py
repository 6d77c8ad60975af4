"""`python -m publishing check | release | bundle`: what `make` calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from publishing import changes, identity, links, parcel, plugin, release, scan
from publishing.finding import Finding, Level

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"


def main(argv: list[str]) -> int:
    """Run one of the three; 1 when something is in the way of publishing."""
    parser = argparse.ArgumentParser(prog="python -m publishing", description=__doc__)
    parser.add_argument("what", choices=("check", "release", "bundle"))
    parser.add_argument(
        "--strict", action="store_true", help="fail on what whoever publishes sets"
    )
    asked = parser.parse_args(argv)
    if asked.what == "bundle":
        print(plugin.build(ROOT, DIST))
        return 0
    found = everything(ROOT)
    is_release = asked.what == "release"
    is_in_the_way = in_the_way(found, strict=is_release or asked.strict)
    for line in report(found):
        print(line)
    if is_release and not is_in_the_way:
        said = identity.identity_of(ROOT)
        print("To publish it, log in with `clawhub login`, then:\n")
        print(release.shown(release.prepared(ROOT, DIST, said)))
    return int(is_in_the_way)


def everything(root: Path) -> list[Finding]:
    """Look at all that can be seen without a program of anybody else's."""
    names, said = parcel.published(root), identity.identity_of(root)
    return [
        *parcel.look_at(root),
        *identity.look_at(root),
        *links.look_at(root, names),
        *scan.look_at(root, names),
        *scan.addresses(root, names, (said.homepage, said.source)),
        *changes.look_at(root, said.version),
        *release.look_at(root),
    ]


def in_the_way(found: list[Finding], *, strict: bool) -> bool:
    """Whether something keeps this from being merged, or, if strict, published."""
    heavy = {Level.WRONG, Level.MISSING} if strict else {Level.WRONG}
    return any(one.level in heavy for one in found)


def report(found: list[Finding]) -> list[str]:
    """Say what was found, the heaviest first, then what is published, and if it may."""
    weight = parcel.weigh(ROOT, parcel.published(ROOT))
    unpacked, packed = weight.unpacked_bytes, weight.download_bytes
    if in_the_way(found, strict=False):
        verdict = "Not fit: mend what is wrong."
    elif in_the_way(found, strict=True):
        verdict = "Fit to be merged; to publish it, set what is missing."
    else:
        verdict = "Fit to be published."
    return [
        *(str(one) for level in Level for one in found if one.level is level),
        f"{weight.files} files, {unpacked:,} bytes, {packed:,} as a download.",
        verdict,
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
