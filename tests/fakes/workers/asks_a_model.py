"""Asks a model at MODEL_URL with MODEL_KEY, as coding programs do, and says its answer.

The prompt goes to the model. What breaks off is sent again, many times. It says
nothing before the answer is there. The arguments are how many questions it asks, and
perhaps the variable that holds its key instead.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from urllib.parse import urlsplit

URL = urlsplit(os.environ["MODEL_URL"])
KEY = os.environ[sys.argv[2] if len(sys.argv) > 2 else "MODEL_KEY"]
FAILURES = {401: "auth", 402: "quota", 429: "rate_limit", 500: "provider"}


def say(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def ask(prompt: str) -> tuple[int, str]:
    said = [{"role": "user", "content": prompt}]
    body = {"model": "scripted", "stream": True, "messages": said}
    body["stream_options"] = {"include_usage": True}
    head = {"Authorization": f"Bearer {KEY}"}
    connection = http.client.HTTPConnection(URL.hostname or "", URL.port, 60)
    path = f"{URL.path}/chat/completions"
    connection.request("POST", path, json.dumps(body).encode(), head)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def ask_again_if_cut(prompt: str) -> str:
    for number in range(20):
        try:
            status, text = ask(prompt)
        except (OSError, http.client.HTTPException):
            time.sleep(0.2 * (number + 1))
            continue
        if status != 200:
            message = json.loads(text)["error"]["message"]
            failure = FAILURES.get(status, "other")
            say(event="error", status=status, message=message, **{"class": failure})
            sys.exit(1)
        if "[DONE]" in text:
            return text
    sys.exit("the model never answered")


task = sys.stdin.read()
for number in range(int(sys.argv[1])):
    lines = ask_again_if_cut(f"{task}\nSAY answer {number}").splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [one["choices"][0]["delta"] for one in chunks if one.get("choices")]
    say(event="text", text="".join(delta.get("content") or "" for delta in deltas))
say(event="finished")
