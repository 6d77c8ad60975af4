"""The real OpenClaw as a host: its own home, state and settings, on loopback only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from publishing import parcel

SESSION = "agent:main:main"
CALL_LIMIT_S = 180.0
READY_LIMIT_S = 180.0
END_LIMIT_S = 30.0


def published(tree: Path, folder: Path) -> Path:
    """Copy what a user would get of a tree, and nothing else, to a new folder."""
    return parcel.copy(tree, folder)


class OpenClaw:
    """One user's OpenClaw, whose main agent is the model at an address.

    Everything of it lives under `folder`; `env` is what the host, and with it every
    command of its agent, gets beside what sets the host apart.
    """

    def __init__(
        self, folder: Path, commands: Path, model_url: str, env: Mapping[str, str]
    ) -> None:
        self.workspace = folder / "workspace"
        self.log = folder / "gateway.log"
        self._state = folder / "state"
        self._program = commands / "openclaw"
        self._port = _free_port()
        self._gateway: subprocess.Popen[bytes] | None = None
        for one in (self.workspace, self._state):
            one.mkdir(parents=True)
        settings = self._state / "openclaw.json"
        settings.write_text(json.dumps(self._settings(model_url)))
        unproxied = {
            name: value for name, value in env.items() if not _is_proxy(name.upper())
        }
        self.env = {
            **unproxied,
            "OPENCLAW_STATE_DIR": str(self._state),
            "OPENCLAW_CONFIG_PATH": str(settings),
            "OPENCLAW_DISABLE_UPDATE_CHECK": "1",
            "NO_COLOR": "1",
        }

    def call(self, *words: str | Path) -> str:
        """Run one of the host's commands, which must succeed; gives what it printed."""
        done = subprocess.run(
            [self._program, *words],
            cwd=self.workspace,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=CALL_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def skill(self, name: str) -> dict[str, Any]:
        """Return what the host says of an installed skill."""
        listed = json.loads(self.call("skills", "list", "--json"))["skills"]
        (found,) = (one for one in listed if one["name"] == name)
        return dict(found)

    def start(self) -> None:
        """Start the gateway and wait until it serves."""
        with self.log.open("wb") as log:
            self._gateway = subprocess.Popen(
                [self._program, "gateway", "run"],
                cwd=self.workspace,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        limit = time.monotonic() + READY_LIMIT_S
        while not self._is_ready():
            assert self._gateway.poll() is None, self.log.read_text()
            assert time.monotonic() < limit, self.log.read_text()
            time.sleep(0.1)

    def say(self, message: str) -> str:
        """Say something to the main agent, as a person in the host's own chat does.

        Returns the id of the turn that it begins.
        """
        said = {
            "sessionKey": SESSION,
            "message": message,
            "idempotencyKey": str(uuid.uuid4()),
        }
        self.call(
            "gateway", "call", "chat.send", "--params", json.dumps(said), "--json"
        )
        return said["idempotencyKey"]

    def wait_for_turn(self, turn: str, *, limit_s: float = 60.0) -> None:
        """Wait until the host itself holds a turn to be over."""
        asked = json.dumps({"runId": turn, "timeoutMs": round(limit_s * 1000)})
        said = self.call("gateway", "call", "agent.wait", "--params", asked, "--json")
        assert json.loads(said)["status"] == "ok", said

    def kill(self) -> None:
        """End the gateway by force; what it keeps in memory only is gone."""
        assert self._gateway is not None
        os.killpg(self._gateway.pid, signal.SIGKILL)
        self._gateway.wait()

    def turn_alone(self, message: str) -> str:
        """Have one turn without a gateway, as `--local` does; the host ends with it."""
        return self.call(
            "agent", "--local", "--agent", "main", "--json", "--message", message
        )

    def end(self) -> None:
        """End the gateway, at last by force."""
        if self._gateway is None:
            return
        self._gateway.terminate()
        try:
            self._gateway.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._gateway.pid, signal.SIGKILL)
            self._gateway.wait()

    def _settings(self, model_url: str) -> dict[str, Any]:
        model = {
            "id": "scripted",
            "name": "Scripted",
            "reasoning": False,
            "input": ["text"],
            "cost": dict.fromkeys(("input", "output", "cacheRead", "cacheWrite"), 0),
            "contextWindow": 200_000,
            "maxTokens": 8192,
        }
        provider = {
            "baseUrl": model_url,
            "apiKey": "scripted-key",
            "api": "openai-completions",
            "models": [model],
        }
        defaults = {
            "workspace": str(self.workspace),
            "skipBootstrap": True,
            "heartbeat": {"every": "0m"},
            "model": {"primary": "scripted/scripted"},
        }
        return {
            "gateway": {
                "mode": "local",
                "port": self._port,
                "bind": "loopback",
                "auth": {"mode": "token", "token": uuid.uuid4().hex},
            },
            "agents": {"defaults": defaults},
            "models": {
                "mode": "replace",
                "providers": {"scripted": provider},
                "catalogRefresh": {"enabled": False},
            },
            # The host's own log would go beside those of other users of the machine.
            "logging": {"file": str(self._state / "openclaw.log")},
        }

    def _is_ready(self) -> bool:
        address = f"http://127.0.0.1:{self._port}/readyz"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _is_proxy(name: str) -> bool:
    return name in {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
