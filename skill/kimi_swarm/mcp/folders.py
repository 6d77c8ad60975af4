"""Where paths begin: the folder of a server is not the one its client works in."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio
from mcp import MCPError, types
from mcp.server import ServerRequestContext
from pydantic import ValidationError

from kimi_swarm.calls.asked import Call
from kimi_swarm.errors import SwarmError

ROOTS_LIMIT_S = 5.0


class NoFolderError(SwarmError):
    """Raised when a call needs a folder, and neither it nor the client names one."""

    code = "no_folder"

    def __init__(self, *, takes_cwd: bool) -> None:
        super().__init__(
            "It is not known which folder you work in.",
            remedy="Give `cwd`: the absolute path of the repository or folder."
            if takes_cwd
            else "Give `file` as an absolute path.",
        )


async def placed(
    call: Call, ctx: ServerRequestContext[Any, Any], default: Path | None
) -> Call:
    """Return a call that says where its paths begin, if it has any that need it.

    What the call says counts first, then the client's first root, then `default`.
    Raises NoFolderError.
    """
    fields: dict[str, Any] = {
        name: getattr(call, name) for name in type(call).model_fields
    }
    if fields.get("cwd") is not None:
        return call
    file = fields.get("file")
    needs_none = (file is None) if "file" in fields else "cwd" not in fields
    if needs_none or (isinstance(file, str) and Path(file).is_absolute()):
        return call
    folder = await first_root(ctx) or default
    if folder is None:
        if not _goes_without(fields):
            raise NoFolderError(takes_cwd="cwd" in fields)
        folder = Path.home()
    update = (
        {"cwd": str(folder)} if "cwd" in fields else {"file": str(folder / str(file))}
    )
    return call.model_copy(update=update)


def _goes_without(fields: dict[str, Any]) -> bool:
    """Whether nothing that is asked for lies in a folder of the client's."""
    if "plan" not in fields:
        return "file" not in fields
    plan = fields["plan"]
    return bool(fields.get("list")) or (
        isinstance(plan, str) and Path(plan).is_absolute()
    )


async def first_root(ctx: ServerRequestContext[Any, Any]) -> Path | None:
    """Return the folder that the client says it works in; None if it does not."""
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.roots is None:
        return None
    try:
        with anyio.fail_after(ROOTS_LIMIT_S):
            told = await ctx.session.send_request(
                types.ListRootsRequest(), types.ListRootsResult
            )
    except (MCPError, TimeoutError, ValidationError):
        return None
    return next(filter(None, (_folder_of(str(root.uri)) for root in told.roots)), None)


def _folder_of(uri: str) -> Path | None:
    parts = urlsplit(uri)
    path = Path(unquote(parts.path))
    is_here = parts.scheme == "file" and parts.netloc in {"", "localhost"}
    return path if is_here and path.is_dir() else None
