"""Where the files beside the code are: manifest and prompts."""

from __future__ import annotations

from pathlib import Path

from kimi_swarm.errors import SwarmError

_PACKAGE = Path(__file__).resolve().parent


class BundleMissingError(SwarmError):
    """Raised when the installed package lacks its own manifest."""

    code = "bundle_missing"
    exit_code = 3

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"manifest.yaml is missing beside the code in {folder}.",
            remedy="The installation is incomplete; install kimi-swarm again.",
        )


def code_folder() -> Path:
    """Return the folder to put on PYTHONPATH so that `kimi_swarm` can be imported."""
    return _PACKAGE.parent


def bundle_root() -> Path:
    """Return the folder of manifest.yaml and prompts/: the source tree, or the wheel's.

    Raises BundleMissingError.
    """
    source = _PACKAGE.parent.parent
    if _PACKAGE.parent.name == "skill" and (source / "manifest.yaml").is_file():
        return source
    bundled = _PACKAGE / "_bundle"
    if (bundled / "manifest.yaml").is_file():
        return bundled
    raise BundleMissingError(_PACKAGE)
