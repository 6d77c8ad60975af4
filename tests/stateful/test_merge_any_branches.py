from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import anyio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakes.repos import IDENTITY, make_repository, run_git
from kimi_swarm.workspace.merged import MergeReport, merge_branches
from kimi_swarm.workspace.queue import Terms
from kimi_swarm.workspace.repository import open_repository
from kimi_swarm.workspace.trial import Check, Checked

FILES = ("a", "b", "c/d", "new", "c")
LINES = 8
# A branch is a set of edits: which file, which line (None: delete the file).
EDIT = st.tuples(st.sampled_from(FILES), st.none() | st.integers(0, LINES - 1))
MARK = st.tuples(st.integers(0, 3), st.sampled_from(FILES))
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


def begin(path: Path) -> Path:
    text = "".join(f"{n}\n" for n in range(LINES))
    return make_repository(
        path, {name: text for name in FILES if name not in ("new", "c")}
    )


async def merge(
    root: Path, names: list[str], check: Check | None = None, every: int | None = None
) -> MergeReport:
    repo = await open_repository(root)
    return await merge_branches(
        repo,
        into="swarm/r/merged",
        path=root.with_name("merging"),
        branches=names,
        terms=Terms("main", check, every),
    )


@settings(max_examples=10)
@given(branches=BRANCHES)
def test_every_branch_ends_in_one_place_and_merged_lines_are_kept(
    branches: list[list[tuple[str, int | None]]],
):
    with tempfile.TemporaryDirectory() as folder:
        root = begin(Path(folder).resolve() / "repo")
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
        assert again.head == report.head
        # A branch may collide in more places with what came in after it.
        assert [each.branch for each in again.conflicts] == conflicting
        for before, now in zip(report.conflicts, again.conflicts, strict=True):
            assert set(before.paths) <= set(now.paths)


@settings(max_examples=8)
@given(branches=BRANCHES, bad=st.sets(MARK, max_size=2), every=st.integers(1, 4))
@example(branches=[[("c/d", 0)], [("c", 0)]], bad=set(), every=1)
@example(branches=[[("c", 0)], [("c/d", 0)]], bad=set(), every=1)
def test_with_any_check_every_branch_ends_in_one_place_and_the_rest_passes(
    branches: list[list[tuple[str, int | None]]],
    bad: set[tuple[int, str]],
    every: int,
):
    """The check fails where all of the bad lines are; with none, on everything."""

    async def check(folder: Path) -> Checked:
        seen = {
            line
            for path in folder.rglob("*")
            if path.is_file() and path.name != ".git"
            for line in path.read_text().splitlines()
        }
        (folder / "left by the check").write_text("x")
        return Checked(not lines <= seen, "bad lines", "all are there")

    lines = {f"branch {number} {name}" for number, name in bad}
    with tempfile.TemporaryDirectory() as folder:
        root = begin(Path(folder).resolve() / "repo")
        import_branches(root, branches)
        names = [f"swarm/r/t{number}" for number in range(len(branches))]
        report = anyio.run(merge, root, names, check, every)
        broken = [each.branch for each in report.broken]
        conflicting = [conflict.branch for conflict in report.conflicts]
        ends = [*report.merged, *report.contained, *conflicting, *broken]
        assert sorted(ends) == sorted(names)
        text = run_git(root, "grep", "-h", "", report.head, "--", ok=False)
        assert report.check is not None
        assert report.check.is_passed is (not lines <= set(text.splitlines()))
        assert report.check.is_passed or report.base_fails
        assert report.base_fails is (not lines)
        assert not (report.base_fails and broken)
        for name in names:
            is_in = run_git(root, "rev-list", "-1", name, "--not", report.head) == ""
            assert is_in or name in (*conflicting, *broken)
        assert run_git(root, "rev-parse", "swarm/r/merged") == report.head
        assert run_git(root, "branch", "--list", "swarm-salvage/*") == ""
        assert run_git(root, "status", "--porcelain") == ""
