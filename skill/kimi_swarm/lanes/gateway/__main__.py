"""The gateway's entry: words are the state folder and two descriptors, see serve.py."""

from __future__ import annotations

import sys

import anyio

from kimi_swarm.lanes.gateway.serve import serve

if __name__ == "__main__":
    home, listening, supervisor = sys.argv[1:]
    sys.exit(anyio.run(serve, home, int(listening), int(supervisor)))
