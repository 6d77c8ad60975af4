"""The supervisor's entry: become a daemon first, before anything heavy is imported."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    from kimi_swarm.location import state_home
    from kimi_swarm.supervisor.serve import serve

    sys.exit(serve(state_home(), *sys.argv[1:2]))
