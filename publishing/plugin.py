"""The bundle: skill and MCP server in one folder, for hosts that take plugins.

The marketplace refuses such files in a skill, so the bundle is made apart.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from publishing import parcel
from publishing.identity import LICENSE, identity_of

FOLDER = "kimi-swarm-plugin"
SERVER = "${CLAUDE_PLUGIN_ROOT}/skills/kimi-swarm/skill/swarm.py"


def build(root: Path, dist: Path) -> Path:
    """Make the bundle in `dist` anew; gives its folder."""
    target = dist / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    parcel.copy(root, target / "skills" / "kimi-swarm")
    _write(target / ".claude-plugin" / "plugin.json", _manifest(root))
    _write(target / ".mcp.json", _servers())
    return target


def _manifest(root: Path) -> dict[str, Any]:
    said = identity_of(root)
    summary = yaml.safe_load((root / "manifest.yaml").read_text("utf-8"))["summary"]
    addresses = {"homepage": said.homepage, "repository": said.source}
    return {
        "name": said.name,
        "version": said.version,
        "description": summary,
        "license": LICENSE,
        **{name: address for name, address in addresses.items() if address},
    }


def _servers() -> dict[str, Any]:
    server = {"command": "python3", "args": [SERVER, "mcp"]}
    return {"mcpServers": {"kimi-swarm": server}}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
