"""The verb that serves others instead of answering: mcp."""

from __future__ import annotations

import argparse

from kimi_swarm.calls.start import folder_of
from kimi_swarm.cli.exits import OK
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.mcp.sdk import require_sdk


def serve_mcp(args: argparse.Namespace) -> int:
    """Serve the client at standard input and output.

    Raises MissingExtraError, UsageError.
    """
    if args.json:
        raise UsageError("mcp speaks its protocol, and prints no object.")
    require_sdk()
    from kimi_swarm.mcp.server import serve  # noqa: PLC0415 needs the extra

    if args.prepare:
        print("The MCP server is ready to be started.")
        return OK
    default = None if args.cwd is None else folder_of(args.cwd)
    serve(state_home(), is_structured=args.structured, default=default)
    return OK
