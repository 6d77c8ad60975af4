"""Secrets are taken out of text, the words around them stay, and it takes no time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.redact import (
    REDACTED,
    Secrets,
    digest,
    redacted,
    redacted_lines,
    redactions,
    secret_values,
)

# Made up here, and never whole in this file: nothing that looks like a live secret.
MIXED = "a1B2c3D4e5"
OPENAI = "sk-" + MIXED * 3
GITHUB = "ghp_" + MIXED * 4
SLACK = "xoxb-" + MIXED * 2
AMAZON = "AKIA" + "A1B2C3D4" * 2
GOOGLE = "AIza" + MIXED * 4
GITLAB = "glpat-" + MIXED * 2
NPM = "npm_" + MIXED * 4
JWT = f"eyJ{MIXED}.eyJ{MIXED}.{MIXED}"
PRIVATE = "-----BEGIN PRIVATE KEY-----\n" + "QQ\nQQ\n" + "-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret", [OPENAI, GITHUB, SLACK, AMAZON, GOOGLE, GITLAB, NPM, JWT]
)
def test_a_token_goes_by_its_shape_and_what_stands_around_it_stays(secret: str):
    assert redacted(f"It is '{secret}'.") == f"It is '{REDACTED}'."
    assert redacted(f"a={secret}, b") == f"a={REDACTED}, b"
    assert redacted(secret) == REDACTED


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"Authorization: Bearer {MIXED}{MIXED}", f"Authorization: Bearer {REDACTED}"),
        (f"curl -H 'x: bearer {MIXED}'", f"curl -H 'x: bearer {REDACTED}'"),
        ("MY_API_KEY=swordfish", f"MY_API_KEY={REDACTED}"),
        ("export DB_PASSWORD='two words'", f"export DB_PASSWORD='{REDACTED}'"),
        ('{"api_key": "swordfish"}', f'{{"api_key": "{REDACTED}"}}'),
        (r'{\"apiKey\": \"swordfish\"}', rf'{{\"apiKey\": \"{REDACTED}\"}}'),
        ("client_secret: swordfish1", f"client_secret: {REDACTED}"),
        ("password = 'swordfish'", f"password = '{REDACTED}'"),
        (f"token: {MIXED}{MIXED}", f"token: {REDACTED}"),
        ("https://me:swordfish@example.invalid/x", f"https://me:{REDACTED}@example.invalid/x"),
        (f"a\n{PRIVATE}\nb", "a\n" + f"{REDACTED}\n" * 4 + "b"),
        (f"a\n{PRIVATE[:-30]}", "a\n" + "\n".join([REDACTED] * 2)),
    ],
)  # fmt: skip
def test_a_named_value_goes_and_its_name_stays(text: str, clean: str):
    assert redacted(text) == clean
    assert redacted(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "= 900 tokens in (100 cached), 45 out",
        "max_tokens=4096",
        "key: string",
        'monkey = "banana split"',
        "for key in keys: total += 1",
        "The key: look at the log",
        'API_KEY = os.environ["API_KEY"]',
        "password = getpass()",
        "Bearer authentication is used",
        "TOKEN=$GITHUB_TOKEN",
        "sk-learn and gh_pages, npm_config, AKIA",
        "https://example.invalid:8080/a@b",
        "Press the key: ArrowDown",
        "PWD=/home/someone/else",
        "keyboard=qwertz1234",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert redacted(text) == text


VALUES = ("swordfish-of-ada", "another\nvery long-winded", "päss wörd 12")
FACTS = st.lists(
    st.sampled_from([*VALUES, OPENAI, GITHUB, JWT, PRIVATE, "Bearer ", "KEY="])
    | st.sampled_from(["a", " ", "\n", '"', "'", "\\", "…", "sk-", "eyJ", "@", ":"])
    | st.text(max_size=5)
).map("".join)  # fmt: skip


@given(FACTS)
def test_no_known_value_is_left_and_no_line_is_lost(text: str):
    secrets = Secrets(secret_values({"A_KEY": VALUES[0], "B": VALUES[1]}))
    secrets = secrets._replace(values=(*secrets.values, *VALUES[1:]))
    clean = redacted(text, secrets)
    assert not any(value in clean for value in VALUES)
    assert clean.count("\n") == text.count("\n")


@given(st.lists(FACTS.map(lambda text: text.replace("\n", " ")), max_size=5))
def test_lines_stay_as_many(lines: list[str]):
    assert len(redacted_lines(lines, Secrets(VALUES))) == len(lines or [""]) - (
        not lines
    )


def test_of_a_value_that_was_cut_the_beginning_goes_too():
    secrets = Secrets((VALUES[0],))
    assert redacted(f"It is {VALUES[0][:12]}", secrets) == f"It is {REDACTED}"
    assert redacted(f"It is {VALUES[0][:12]}… and", secrets) == f"It is {REDACTED}… and"
    assert (
        redacted(f"It is {VALUES[0][:12]} and", secrets)
        == f"It is {VALUES[0][:12]} and"
    )


@given(st.sampled_from(["", " ", "=", '"', "x ", "\n", "ü.", "_"]), st.text(max_size=9))
def test_a_value_is_known_by_its_fingerprint(before: str, after: str):
    salt = b"salt"
    digests = {len(value): frozenset({digest(value, salt)}) for value in VALUES}
    for value in VALUES:
        clean = redacted(f"{before}{value}{after}", Secrets((), salt, digests))
        assert value not in clean
        assert redactions(value, clean) >= 1


def test_values_are_secret_by_the_names_they_are_kept_under():
    values = {
        "MOONSHOT_API_KEY": "swordfish",
        "github_token": "another-one",
        "SHORT_KEY": "short",
        "PATH": "/usr/local/bin",
        "CERTIFICATE_KEY": "begin-the-key-here\nmiddle\nend-of-the-key-here",
    }
    assert secret_values(values) == (
        values["CERTIFICATE_KEY"],
        "end-of-the-key-here",
        "begin-the-key-here",
        "another-one",
        "swordfish",
    )


HARD = ["a", "=", "key=", "eyJ", "eyJ-", "eyJabcdefgh.", "-----BEGIN PRIVATE KEY-----",
        "sk-", "A.", "bearer ", "x:'", 'key="', "://a:", "swordfis", 'token: \\"',
        "a ", "KEY_", "Key"]  # fmt: skip


@pytest.mark.parametrize("piece", HARD)
def test_time_is_proportional_to_length(piece: str):
    secrets = Secrets(("swordfish",), b"salt", {9: frozenset({b"none"})})
    if len(piece) == 1 or piece in ("A.", "a ", "x:'"):
        secrets = Secrets(("swordfish",))  # digests cost most where words are short
    text = "key sk- eyj :// " + piece * ((1 << 20) // len(piece))

    def took_s(chars: int) -> float:
        began = time.process_time()
        redacted(text[:chars], secrets)
        return time.process_time() - began

    short_s = max(min(took_s(1 << 17) for _ in range(2)), 0.004)
    # Eight times the length: four times as much again for a busy machine.
    assert took_s(1 << 20) < 32 * short_s
