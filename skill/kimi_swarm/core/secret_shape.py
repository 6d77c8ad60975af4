"""The shapes by which an unknown secret is known: tokens, keys, assignments."""

from __future__ import annotations

import re

from kimi_swarm.core.redact import REDACTED, stand_in

_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|AIza[A-Za-z0-9_-]{30,}"
    r"|glpat-[A-Za-z0-9_-]{16,}"
    r"|npm_[A-Za-z0-9]{30,}"
    r")"
)
# No JWT begins within a run of its own characters: such a run is read only once.
_JWT = re.compile(
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
)
_BEARER = re.compile(r"(?i)(?<![a-z0-9])(bearer[ \t]{1,4})([A-Za-z0-9._~+/=-]{8,})")
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r".*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_LOGIN = re.compile(r"(?<=://)([^\s/:@\"'<>]{0,64}:)([^\s/@\"'<>\[\]]{3,128})(?=@)")
_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]{3,64})"
    r"(\\{0,2}[\"']?[ \t]{0,3}[:=][ \t]{0,3})"
    r"(?:(\\{0,2}[\"'])([^\"'\\\n]{4,512})|([^\s\"'`,;(){}\[\]<>$\\|]{4,}))"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset(
    {"apikey", "key", "token", "secret", "secrets", "credential", "credentials"}
    | {"password", "passwd", "passphrase"}
)
_ALONE = frozenset({"key", "token", "secret", "secrets", "credential", "credentials"})
_ALONE_CHARS, _QUOTED_CHARS = 16, 8


def without_shapes(text: str) -> str:
    """Return the text with `[redacted]` for what has the shape of a secret.

    Of assignments and of `Bearer` the name stays. The number of lines stays as it is.
    """
    text = _PRIVATE.sub(lambda found: stand_in(found[0]), text)
    text = _TOKEN.sub(REDACTED, text)
    text = _JWT.sub(REDACTED, text)
    text = _BEARER.sub(_bearer, text)
    text = _LOGIN.sub(rf"\g<1>{REDACTED}", text)
    return _ASSIGNED.sub(_assigned, text)


def _bearer(found: re.Match[str]) -> str:
    word = found[2]
    is_token = len(word) >= 20 or any(char.isdigit() for char in word)  # noqa: PLR2004 no word of prose is longer
    return found[1] + REDACTED if is_token else found[0]


def _assigned(found: re.Match[str]) -> str:
    name, between, quote, quoted, bare = found.groups()
    value = quoted or bare
    is_spaced = any(map(str.isspace, between))  # as code and prose are written
    if not _is_secret(name, value, is_quoted=bool(quoted), is_spaced=is_spaced):
        return found[0]
    return f"{name}{between}{quote or ''}{REDACTED}"


def _is_secret(name: str, value: str, *, is_quoted: bool, is_spaced: bool) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    if not _SECRET.intersection(words) or REDACTED in value:
        return False
    if name.isupper() and len(words) > 1 and not is_spaced:
        return not value.isdigit()
    if any(char.isspace() for char in value):
        return False
    is_mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    if words[0] in _ALONE and len(words) == 1:
        return is_mixed and len(value) >= _ALONE_CHARS
    return len(value) >= _QUOTED_CHARS and (is_quoted or is_mixed)
