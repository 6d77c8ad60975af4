"""What is in a workspace and not yet in a commit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.workspace.git import git
from kimi_swarm.workspace.tree import Worktree, tree_env


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a checkout; paths are bytes as git keeps them.

    `head` is None before the first commit, `branch` is None when HEAD is detached.
    `unstaged` are changed files whose content the index lacks; `copies` are untracked
    files that were copied in; `nested` are repositories inside; `dirty_submodules` have
    changes that only their own repository can keep.
    """

    head: str | None = None
    branch: str | None = None
    changed: tuple[bytes, ...] = ()
    unstaged: tuple[bytes, ...] = ()
    unmerged: tuple[bytes, ...] = ()
    untracked: tuple[bytes, ...] = ()
    copies: tuple[bytes, ...] = ()
    nested: tuple[bytes, ...] = ()
    ignored: tuple[bytes, ...] = ()
    dirty_submodules: tuple[bytes, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether a commit would hold nothing new."""
        return not (self.changed or self.unmerged or self.untracked or self.nested)


async def look(
    tree: Worktree, *, ignored: bool = False, index: Path | None = None
) -> Status:
    """Look at a workspace with one git call. Raises GitError, RepositoryGoneError."""
    args = ["--porcelain=v2", "-z", "--branch", "--untracked-files=all"]
    if ignored:
        args.append("--ignored=matching")
    env = tree_env(tree, index=index)
    output = await git(tree.path, "status", *args, env=env)
    return parse_status(output, copied=tree.copied)


def parse_status(output: bytes, *, copied: tuple[str, ...] = ()) -> Status:
    """Read `git status --porcelain=v2 -z --branch`; names may hold any byte but NUL."""
    head = branch = None
    lists: dict[str, list[bytes]] = {}
    records = iter(output.split(b"\0"))
    for record in records:
        match record[:2]:
            case b"# ":
                _, name, value = record.split(b" ", 2)
                if name == b"branch.oid" and value != b"(initial)":
                    head = value.decode()
                elif name == b"branch.head" and value != b"(detached)":
                    branch = os.fsdecode(value)
            case b"1 " | b"2 ":
                is_rename = record[:1] == b"2"
                fields = record.split(b" ", 9 if is_rename else 8)
                _note_change(lists, fields)
                if is_rename:
                    next(records, b"")  # the old name
            case b"u ":
                lists.setdefault("unmerged", []).append(record.split(b" ", 10)[10])
            case b"? ":
                kind = _kind_of_untracked(record[2:], copied)
                lists.setdefault(kind, []).append(record[2:])
            case b"! ":
                lists.setdefault("ignored", []).append(record[2:])
            case _:
                pass  # the end, or a header of a newer git
    return Status(head, branch, **{name: tuple(paths) for name, paths in lists.items()})


def _note_change(lists: dict[str, list[bytes]], fields: list[bytes]) -> None:
    path, states, submodule = fields[-1], fields[1], fields[2]
    lists.setdefault("changed", []).append(path)
    if states[1:2] != b".":
        lists.setdefault("unstaged", []).append(path)
    if submodule[:1] == b"S" and (b"M" in submodule[2:3] or b"U" in submodule[3:4]):
        lists.setdefault("dirty_submodules", []).append(path)


def _kind_of_untracked(path: bytes, copied: tuple[str, ...]) -> str:
    if any(is_within(path, item) for item in copied):
        return "copies"
    return "nested" if path.endswith(b"/") else "untracked"


def is_within(path: bytes, item: str) -> bool:
    """Whether `path` is the item or lies below it."""
    name = os.fsencode(item.rstrip("/"))
    return path.rstrip(b"/") == name or path.startswith(name + b"/")
