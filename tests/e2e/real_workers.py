"""The three real workers, set up for the scripted model as their users would do it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from e2e.swarm_cli import Swarm
from fakes.scripted_model import ScriptedModel

KILO, KIMI, LEGACY = "kilo", "kimi", "kimi-legacy"
PROFILES = (KILO, KIMI, LEGACY)
USD_PER_MILLION = {"input": 0.6, "output": 3.0, "cache_read": 0.1}

KIMI_CLI_SETTINGS = """\
default_model = "scripted"
[providers.scripted]
type = "kimi"
base_url = "{url}"
api_key = "scripted-key"
[models.scripted]
provider = "scripted"
model = "scripted"
max_context_size = 262144
"""


def kilo_settings(url: str) -> dict[str, Any]:
    """Return a configuration of Kilo with the scripted model as its provider."""
    model = {
        "name": "Scripted",
        "tool_call": True,
        "limit": {"context": 262_144, "output": 32_768},
        "cost": USD_PER_MILLION,
    }
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Scripted",
        "options": {"baseURL": url, "apiKey": "scripted-key"},
        "models": {"scripted": model},
    }
    name = "scripted/scripted"
    return {"provider": {"scripted": provider}, "model": name, "small_model": name}


def set_up(swarm: Swarm, url: str) -> None:
    """Configure Kilo and kimi-cli for a user; Kimi Code has its variables already."""
    home = Path(swarm.env["HOME"])
    settings = home / "kilo.json"
    settings.write_text(json.dumps(kilo_settings(url)))
    swarm.env["KILO_CONFIG"] = str(settings)
    (home / ".kimi").mkdir()
    (home / ".kimi" / "config.toml").write_text(KIMI_CLI_SETTINGS.format(url=url))


def without_gateway(swarm: Swarm) -> None:
    """Let workers meet their provider themselves: its faults reach them then."""
    known = yaml.safe_load((swarm.tree / "manifest.yaml").read_text("utf-8"))
    folder = Path(swarm.env["HOME"]) / ".config" / "kimi-swarm" / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROFILES:
        profile = known["profiles"][name]
        profile.pop("gateway")
        (folder / f"{name}.yaml").write_text(json.dumps(profile), "utf-8")


def add_to_path(swarm: Swarm, folder: Path) -> None:
    """Let a user find the programs of one more folder, after all others."""
    swarm.env["PATH"] = os.pathsep.join([swarm.env["PATH"], str(folder)])


def write_plan(folder: Path, tasks: Mapping[str, Any], **more: Any) -> Path:
    """Write a plan into a repository's folder; gives its path."""
    path = folder / "plan.yaml"
    path.write_text(json.dumps({"tasks": tasks, **more}))  # JSON is YAML
    return path


def served(model: ScriptedModel, conversation: str) -> dict[str, int]:
    """Add up what the model served to one conversation, as it was logged."""
    given = [
        one["usage"]
        for one in model.requests
        if one["conversation"] == conversation and "usage" in one
    ]
    return {
        "input_tokens": sum(one["prompt_tokens"] for one in given),
        "cached_tokens": sum(
            one["prompt_tokens_details"]["cached_tokens"] for one in given
        ),
        "output_tokens": sum(one["completion_tokens"] for one in given),
    }


def cost_usd(tokens: Mapping[str, int]) -> float:
    """Tell what tokens cost by the prices that Kilo was told."""
    fresh = tokens["input_tokens"] - tokens["cached_tokens"]
    price = USD_PER_MILLION
    whole = (
        fresh * price["input"]
        + tokens["cached_tokens"] * price["cache_read"]
        + tokens["output_tokens"] * price["output"]
    )
    return whole / 1_000_000


def commands_of(swarm: Swarm, words: str) -> list[str]:
    """Return the command lines of a user's processes that hold some words."""
    return [one.command for one in swarm.processes() if words in one.command]


def wait_until(wanted: Callable[[], object], *, limit_s: float = 60.0) -> None:
    """Look until a wish comes true; fail after a limit."""
    limit = time.monotonic() + limit_s
    while not wanted():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)
