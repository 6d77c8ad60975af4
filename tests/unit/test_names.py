"""Ids read back as they were written, and what is none is refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.names import (
    ADJECTIVES,
    NOUNS,
    RUN_NAMES,
    BadIdError,
    SessionId,
    is_session,
    is_word,
    merged_branch,
    parse_session,
    run_name,
    salvage_branch,
    task_branch,
)

words = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
sessions = st.builds(SessionId, words, words, st.integers(1, 10**6))


@given(sessions)
def test_a_session_id_reads_back_as_it_was_written(session: SessionId):
    assert parse_session(str(session)) == session
    assert is_session(str(session))


@given(sessions)
def test_a_first_attempt_needs_no_number(session: SessionId):
    assert ("." in str(session)) == (session.attempt > 1)


@given(sessions)
def test_a_slug_is_one_path_part(session: SessionId):
    assert "/" not in session.slug
    assert str(session) == f"{session.run}/{session.slug}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "calm-river",
        "calm-river/",
        "/header",
        "calm-river/header/more",
        "calm-river/../header",
        "calm-river/.",
        "calm-river/header.",
        "calm-river/header.0",
        "calm-river/header.-1",
        "calm-river/header.two",
        "calm-river/header.1.2",
        "calm-river/header.\u00b2",
        "calm-river/header.\u0663",
        "calm-river/header.2 ",
        "calm-river/header\n",
        "calm-river/he ader",
        "calm river/header",
        "calm-river/h\u00e9ader",
        "calm-river/_",
        "-/header",
        "calm-river/header\0",
    ],
)
def test_what_is_no_session_is_refused(text: str):
    with pytest.raises(BadIdError, match="is not an id") as caught:
        parse_session(text)
    assert caught.value.code == "bad_id"
    assert caught.value.exit_code == 2
    assert "list" in caught.value.remedy


@pytest.mark.parametrize("text", ["a/b.01", "a/b.1", "a/b.0002"])
def test_an_attempt_has_one_spelling(text: str):
    with pytest.raises(BadIdError):
        parse_session(text)


def test_an_attempt_of_many_digits_is_refused_not_read():
    with pytest.raises(BadIdError):
        parse_session("a/b." + "9" * 5000)


@given(st.text())
def test_any_text_is_an_id_or_refused(text: str):
    try:
        session = parse_session(text)
    except BadIdError:
        return
    assert str(session) == text


@given(st.text(alphabet="ab/.\\- _\n\0~"))
def test_a_word_never_leaves_its_folder(text: str):
    if is_word(text):
        assert set(text) <= set("ab-_")


def test_run_names_are_two_plain_words_that_differ():
    names = {run_name(number) for number in range(RUN_NAMES)}
    assert len(names) == RUN_NAMES == len(ADJECTIVES) * len(NOUNS)
    assert all(name.count("-") == 1 and is_word(name) for name in names)


def test_run_names_wrap():
    assert run_name(RUN_NAMES) == run_name(0)


def test_branches_of_a_run_do_not_collide_in_git():
    session = SessionId("calm-river", "header", 2)
    assert task_branch(session) == "swarm/calm-river/header.2"
    assert salvage_branch(session) == "swarm-salvage/calm-river/header.2"
    branches = [task_branch(session), merged_branch("calm-river")]
    assert not any(b.startswith(f"{a}/") for a in branches for b in branches)
