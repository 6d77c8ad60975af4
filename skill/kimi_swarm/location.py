"""Where state lives: one folder, and the name of everything in it.

Strings and os.path, not pathlib: hot verbs import this.
"""

from __future__ import annotations

import os
import sys

SOCKET_PATH_LIMIT_BYTES = 100


def state_home(environ: dict[str, str] | None = None) -> str:
    """Return the state folder: `$KIMI_SWARM_HOME`, else the platform's place for state.

    Nothing is created.
    """
    env = os.environ if environ is None else environ
    chosen = env.get("KIMI_SWARM_HOME")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))  # noqa: PTH100, PTH111 light
    home = os.path.expanduser("~")  # noqa: PTH111 light
    if sys.platform == "darwin":
        return home + "/Library/Application Support/kimi-swarm"
    return (env.get("XDG_STATE_HOME") or home + "/.local/state") + "/kimi-swarm"


def config_home() -> str:
    """Return the folder of the user's own profiles and strategies; it may not exist."""
    home = os.path.expanduser("~")  # noqa: PTH111 light
    if given := os.environ.get("XDG_CONFIG_HOME"):
        return given + "/kimi-swarm"
    if sys.platform == "darwin":
        return home + "/Library/Application Support/kimi-swarm"
    return home + "/.config/kimi-swarm"


def probes_path(home: str) -> str:
    """Name the file that remembers which program told which version."""
    return home + "/probes.json"


def models_path(home: str) -> str:
    """Name the file that remembers which models a provider offered, and when."""
    return home + "/models.json"


def database_path(home: str) -> str:
    """Name the SQLite file."""
    return home + "/state.db"


def supervisor_lock_path(home: str) -> str:
    """Name the file whose lock the one supervisor of a folder holds."""
    return home + "/supervisor.lock"


def supervisor_log_path(home: str) -> str:
    """Name the file to which a supervisor writes what nobody else could be told."""
    return home + "/supervisor.log"


def socket_path(home: str) -> str:
    """Name the supervisor's Unix socket, short enough for every platform.

    Socket addresses hold about 100 bytes; a longer state folder gets a socket in a
    private folder under the temporary folder instead.
    """
    return _socket_path(home, "supervisor")


def gateway_socket_path(home: str) -> str:
    """Name the Unix socket at which the gateway hears its supervisor."""
    return _socket_path(home, "gateway")


def _socket_path(home: str, name: str) -> str:
    path = f"{home}/{name}.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT_BYTES:
        return path
    from hashlib import sha256  # noqa: PLC0415 rare, and not cheap for a hot verb

    key = sha256(os.fsencode(home)).hexdigest()[:16]
    end = "" if name == "supervisor" else f"-{name}"
    return f"/tmp/kimi-swarm-{os.getuid()}/{key}{end}.sock"  # noqa: S108 the folder is private


def gateway_lock_path(home: str) -> str:
    """Name the file whose lock the one gateway of a folder holds."""
    return home + "/gateway.lock"


def gateway_log_path(home: str) -> str:
    """Name the file to which a gateway writes what nobody else could be told."""
    return home + "/gateway.log"


def gateway_port_path(home: str) -> str:
    """Name the file that remembers the gateway's port."""
    return home + "/gateway.port"


def gateway_secret_path(home: str) -> str:
    """Name the file of the secret from which sessions' tokens are made."""
    return home + "/gateway.secret"


def gateway_pools_path(home: str) -> str:
    """Name the file that remembers what the gateway's pools learnt."""
    return home + "/gateway.pools.json"


def gateway_journal_path(home: str) -> str:
    """Name the file to which the gateway writes each request before it is sent."""
    return home + "/gateway.journal"


def run_folder(home: str, run: str) -> str:
    """Name the folder of a run's own files."""
    return f"{home}/runs/{run}"


def fingerprints_path(home: str, run: str) -> str:
    """Name the file by which a run's secrets are known again without being told.

    No task can have this name: a session's folder lies beside it.
    """
    return f"{run_folder(home, run)}/.fingerprints"


def session_folder(home: str, run: str, slug: str) -> str:
    """Name the folder of a session's prompt, logs and records."""
    return f"{home}/runs/{run}/{slug}"


def workspace_folder(home: str, run: str, slug: str) -> str:
    """Name the folder in which a session with a workspace of its own works."""
    return f"{home}/workspaces/{run}/{slug}"


def salvage_folder(home: str, run: str) -> str:
    """Name the folder that keeps what a cleared run left and no branch can hold."""
    return f"{home}/salvage/{run}"


def warm_up_folder(home: str, key: str) -> str:
    """Name the folder that remembers a warm-up."""
    return f"{home}/warm/{key}"


def new_repository_folder(home: str, run: str) -> str:
    """Name the repository that a plan with `repo: new` gets."""
    return f"{home}/repos/{run}"
