"""The state machine: every legal move, every illegal one, and no road back."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.session import (
    MOVES,
    STATE_NAMES,
    Chosen,
    Done,
    Ended,
    IllegalMoveError,
    Launched,
    Move,
    Outcome,
    Place,
    Placed,
    Queued,
    Running,
    Starting,
    State,
    StopBegan,
    Stopping,
    apply,
    move_from_dict,
    move_name,
    move_to_dict,
    place_of,
    replay,
    state_name,
)

HERE = Place("/somewhere", "swarm/calm-river/header", "c0ffee")
FAILED = Ended(9.0, Outcome.FAILED, "exit_code", 7)

STATES: dict[str, State] = {
    "queued": Queued(1.0),
    "starting": Starting(2.0),
    "starting, placed": Starting(2.0, HERE),
    "running": Running(3.0, HERE),
    "stopping": Stopping(3.0, 4.0, HERE, "killed"),
    "done": Done(5.0, Outcome.SUCCEEDED, "changes", 3.0, 0, HERE),
}
EVERY_MOVE: dict[str, Move] = {
    "chosen": Chosen(9.0),
    "placed": Placed(9.0, HERE),
    "launched": Launched(9.0),
    "stop_began": StopBegan(9.0, "killed"),
    "ended": FAILED,
}
LEGAL: dict[tuple[str, str], State] = {
    ("queued", "chosen"): Starting(9.0),
    ("queued", "ended"): Done(9.0, Outcome.FAILED, "exit_code", None, 7, None),
    ("starting", "placed"): Starting(2.0, HERE),
    ("starting", "ended"): Done(9.0, Outcome.FAILED, "exit_code", None, 7, None),
    ("starting, placed", "placed"): Starting(2.0, HERE),
    ("starting, placed", "launched"): Running(9.0, HERE),
    ("starting, placed", "ended"): Done(
        9.0, Outcome.FAILED, "exit_code", None, 7, HERE
    ),
    ("running", "stop_began"): Stopping(3.0, 9.0, HERE, "killed"),
    ("running", "ended"): Done(9.0, Outcome.FAILED, "exit_code", 3.0, 7, HERE),
    ("stopping", "ended"): Done(9.0, Outcome.FAILED, "exit_code", 3.0, 7, HERE),
}
EVERY_PAIR = sorted(product(STATES, EVERY_MOVE))

places = st.builds(
    Place, st.text(min_size=1), st.none() | st.text(), st.none() | st.text()
)
moments = st.floats(0, 1e12)
moves: st.SearchStrategy[Move] = st.one_of(
    st.builds(Chosen, moments),
    st.builds(Placed, moments, places),
    st.builds(Launched, moments),
    st.builds(StopBegan, moments, st.text()),
    st.builds(
        Ended, moments, st.sampled_from(Outcome), st.text(), st.none() | st.integers()
    ),
)


@pytest.mark.parametrize(("state", "move"), EVERY_PAIR)
def test_a_state_takes_its_own_moves_and_no_other(state: str, move: str):
    if (state, move) in LEGAL:
        assert apply(STATES[state], EVERY_MOVE[move]) == LEGAL[state, move]
        return
    with pytest.raises(IllegalMoveError) as caught:
        apply(STATES[state], EVERY_MOVE[move])
    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        f"A session that is {state.partition(',')[0]} cannot take {move}."
    )


def test_every_state_and_move_is_in_the_table():
    assert {type(state) for state in STATES.values()} == set(STATE_NAMES)
    assert {type(move) for move in EVERY_MOVE.values()} == set(MOVES.values())


@given(moves)
def test_a_move_comes_back_from_json_as_it_was(move: Move):
    data = json.loads(json.dumps(move_to_dict(move)))
    assert move_from_dict(move_name(move), data) == move


@given(st.lists(moves, max_size=12))
def test_whatever_is_tried_a_session_ends_once_and_only_goes_forward(
    tried: list[Move],
):
    order = list(STATE_NAMES.values())
    state: State = Queued(0.0)
    taken: list[Move] = []
    for move in tried:
        try:
            after = apply(state, move)
        except IllegalMoveError:
            continue
        assert order.index(state_name(after)) >= order.index(state_name(state))
        taken.append(move)
        state = after
    assert replay(0.0, taken) == state
    assert sum(isinstance(move, Ended) for move in taken) == isinstance(state, Done)


@given(st.lists(moves, max_size=12))
def test_a_place_once_known_is_kept(tried: list[Move]):
    state: State = Queued(0.0)
    known: Place | None = None
    for move in tried:
        try:
            state = apply(state, move)
        except IllegalMoveError:
            continue
        if isinstance(move, Placed):
            known = move.place
        assert place_of(state) == known


def test_a_log_that_makes_no_sense_is_refused():
    with pytest.raises(IllegalMoveError):
        replay(0.0, [FAILED, FAILED])
