from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.repos import IDENTITY, make_repository, run_git
from kimi_swarm.workspace.merge import MergeReport, merge_branches
from kimi_swarm.workspace.repository import open_repository

FILES = ("a", "b", "c/d", "new", "c")
LINES = 8
# A branch is a set of edits: which file, which line (None: delete the file).
EDIT = st.tuples(st.sampled_from(FILES), st.none() | st.integers(0, LINES - 1))
BRANCHES = st.lists(st.lists(EDIT, max_size=3), min_size=1, max_size=4)


def import_branches(root: Path, branches: list[list[tuple[str, int | None]]]) -> None:
    """Write all branches by one git process: a merge test spends its time merging."""
    stream: list[str] = []
    for number, edits in enumerate(branches):
        stream += [
            f"commit refs/heads/swarm/r/t{number}",
            "committer Ada <ada@example.org> 1700000000 +0000",
            "data 1\nx",
            "from refs/heads/main^0",
        ]
        texts: dict[str, str | None] = {}
        for name, line in edits:
            text = texts.get(name) or "".join(f"{n}\n" for n in range(LINES))
            mark = f"branch {number} {name}\n"
            rows = text.splitlines(keepends=True)
            texts[name] = (
                None
                if line is None
                else "".join([*rows[:line], mark, *rows[line + 1 :]])
            )
        for name, written in texts.items():
            if written is None:
                stream.append(f"D {name}")
            else:
                head = f"M 100644 inline {name}\ndata {len(written)}"
                stream.append(f"{head}\n{written}")
        stream.append("")
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=root,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **IDENTITY},
        input="\n".join(stream).encode(),
        check=True,
    )


async def merge(root: Path, names: list[str]) -> MergeReport:
    repo = await open_repository(root)
    return await merge_branches(
        repo,
        into="swarm/r/merged",
        base="main",
        path=root.with_name("merging"),
        branches=names,
    )


@settings(max_examples=10)
@given(branches=BRANCHES)
def test_every_branch_ends_in_one_place_and_merged_lines_are_kept(
    branches: list[list[tuple[str, int | None]]],
):
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(f"{n}\n" for n in range(LINES))
        files = {name: text for name in FILES if name not in ("new", "c")}
        root = make_repository(Path(folder).resolve() / "repo", files)
        import_branches(root, branches)
        names = [f"swarm/r/t{number}" for number in range(len(branches))]
        report = anyio.run(merge, root, names)
        conflicting = [conflict.branch for conflict in report.conflicts]
        ends = [*report.merged, *report.contained, *conflicting]
        assert sorted(ends) == sorted(names)
        assert run_git(root, "status", "--porcelain") == ""
        for name in (*report.merged, *report.contained):
            assert run_git(root, "rev-list", "-1", name, "--not", report.head) == ""
        for name in report.merged:
            brought = run_git(root, "diff", "--unified=0", "main", name)
            marks = {line for line in brought.splitlines() if line[:8] == "+branch "}
            result = run_git(root, "diff", "--unified=0", "main", report.head)
            assert marks <= set(result.splitlines())
        again = anyio.run(merge, root, names)
        assert run_git(root, "rev-list", "-1", report.head, "--not", again.head) == ""
        # What conflicted is tried again, and may fit now: git sees a file that another
        # branch brought as the renamed one.
        assert report.conflicts or again.head == report.head
