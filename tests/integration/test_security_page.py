"""SECURITY.md must stay true: who starts processes, who can reach the network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
SKILL = ROOT / "skill"
NETWORK = {
    "aiohttp",
    "http.client",
    "http.server",
    "httpx",
    "requests",
    "smtplib",
    "ssl",
    "starlette",
    "urllib.request",
    "uvicorn",
    "websockets",
}
PORTS = re.compile(
    r"AF_INET|\.bind\(\(|connect_tcp|create_tcp|create_connection|create_server"
)
STARTS = re.compile(
    r"\bos\.(fork|forkpty|exec\w+|posix_spawn\w*|spawn\w+|system|popen)\b"
)
STARTING = {"subprocess", "multiprocessing", "pty", "anyio.open_process"}
STARTERS = {
    "swarm.py",
    "launcher/",
    "kimi_swarm/process/",
    "kimi_swarm/supervisor/__main__.py",
}


def modules() -> Iterator[tuple[str, str]]:
    """Give each module's path below skill/ and its code without words for people."""
    for path in sorted(SKILL.rglob("*.py")):
        yield path.relative_to(SKILL).as_posix(), ast.unparse(_bare(path))


def _bare(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return tree


def imports(code: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            found |= names | {name.partition(".")[0] for name in names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            top = node.module.partition(".")[0]
            found |= {top, node.module}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_that_can_reach_the_network_stands_on_the_page():
    can = {
        path.removeprefix("kimi_swarm/")
        for path, code in modules()
        if PORTS.search(code.replace("'", '"'))
        or any(
            one == name or one.startswith(name + ".")
            for one in imports(code)
            for name in NETWORK
        )
    }
    _, section = PAGE.split("## Network\n")
    rows = re.findall(r"^\| `([^`]+)` \|", section.split("\n## ")[0], re.MULTILINE)

    assert can
    assert can == {path for path in can if any(path.startswith(row) for row in rows)}
    assert [row for row in rows if not any(path.startswith(row) for path in can)] == []


def test_only_the_rooms_that_the_page_names_start_processes():
    starters = {
        path
        for path, code in modules()
        if STARTS.search(code) or imports(code) & STARTING
    }

    assert starters
    assert [path for path in starters if not path.startswith(tuple(STARTERS))] == []
    for room in STARTERS:
        assert f"`{room.removeprefix('kimi_swarm/')}`" in PAGE.replace("`skill/", "`")


def test_the_page_says_that_workers_do_not_ask():
    manifest = (ROOT / "manifest.yaml").read_text("utf-8")
    bold = re.findall(r"--dangerously[\w-]+|bypassPermissions|\byolo\b", manifest)

    assert bold, "then the page may say less"
    assert "their own questions are switched off" in " ".join(PAGE.split())
