"""The results that a prompt asks for: made up to fit its schema, or chosen by a marker.

A line `ANSWER task {...}` gives the value that the task of this name answers, a line
`PREFER words` makes a judge choose the candidate that holds these words.
"""

from __future__ import annotations

import json
import re

from kimi_swarm.workers.demo_result import example

_SCHEMA = re.compile(r"^[ \t]*JSON schema: (\{.*\})[ \t]*$", re.MULTILINE)
_TASK = re.compile(r"\b(?:its name|the name of this task)\s+is\s+([\w-]+)")
_ANSWER = re.compile(r"^[ \t]*ANSWER[ \t]+([\w-]+)[ \t]+(\{.*\})[ \t]*$", re.MULTILINE)
_PREFER = re.compile(r"^[ \t]*PREFER[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_CANDIDATE = re.compile(r"^Candidate \d\.", re.MULTILINE)


def result_in(prompt: str) -> str | None:
    """Return the JSON text of the result that a prompt asks for; None for none."""
    asked = _SCHEMA.search(prompt)
    if asked is None:
        return None
    task = _TASK.search(prompt)
    chosen = dict(_ANSWER.findall(prompt))
    if task and task[1] in chosen:
        return str(chosen[task[1]])
    value = example(json.loads(asked[1]))
    if wanted := _PREFER.search(prompt):
        value["choice"] = _choice(prompt, wanted[1])
    return json.dumps(value)


def _choice(prompt: str, wanted: str) -> str:
    shown = _CANDIDATE.split(prompt)[1:]
    holding = [
        name
        for name, text in zip(("first", "second"), shown, strict=True)
        if wanted in text
    ]
    return holding[0] if len(holding) == 1 else "tie"
