"""Handing this very process over to another program."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn


def become(argv: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program in a folder, with variables added.

    Raises OSError when the program or the folder is not there.
    """
    os.chdir(cwd)
    os.execvpe(  # noqa: S606 that is its purpose
        argv[0], list(argv), {**os.environ, **env}
    )
