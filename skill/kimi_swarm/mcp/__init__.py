"""The actions as tools of the Model Context Protocol, over standard input and output.

sdk.require_sdk        say so where the protocol's package is not installed
server.serve           serve one client until it leaves
tools.tool_of          an action as a tool: words to find it by, schemas, hints
desk.Desk              one call after the other: folder, time, errors
late.LateWork          calls that take longer than a client waits: told once, later
"""

from __future__ import annotations
