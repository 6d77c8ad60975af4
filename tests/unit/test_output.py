"""A transcript is what its events add up to."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.output import (
    RETRYABLE,
    ConversationKnown,
    FailureClass,
    FailureTold,
    Finished,
    LineIgnored,
    OutputEvent,
    RetryNoticed,
    TextWritten,
    ToolUsed,
    Transcript,
    UsageCounted,
    joined,
)

tokens = st.integers(0, 10**9)
usages = st.builds(
    UsageCounted,
    tokens,
    tokens,
    tokens,
    tokens,
    st.none() | st.integers(0, 100).map(float),
)
events: st.SearchStrategy[OutputEvent] = st.one_of(
    st.builds(ConversationKnown, st.text()),
    st.builds(TextWritten, st.text()),
    st.builds(ToolUsed, st.text(), st.text()),
    usages,
    st.builds(RetryNoticed, st.sampled_from(FailureClass), st.text()),
    st.builds(FailureTold, st.sampled_from(FailureClass), st.text()),
    st.builds(Finished, st.text(), st.booleans()),
    st.builds(LineIgnored, st.text()),
)


def folded(told: list[OutputEvent]) -> Transcript:
    return reduce(Transcript.after, told, Transcript())


@given(st.lists(events))
def test_a_transcript_counts_and_keeps_the_last_of_each(told: list[OutputEvent]):
    transcript = folded(told)
    texts = [event.text for event in told if isinstance(event, TextWritten)]
    finishes = [event for event in told if isinstance(event, Finished)]
    failures = [event for event in told if isinstance(event, FailureTold)]
    known = [event.id for event in told if isinstance(event, ConversationKnown)]
    assert transcript.tool_calls == sum(isinstance(e, ToolUsed) for e in told)
    assert transcript.retries == sum(isinstance(e, RetryNoticed) for e in told)
    assert transcript.last_text == (texts[-1] if texts else "")
    assert transcript.finished == (finishes[-1] if finishes else None)
    assert transcript.failure == (failures[-1] if failures else None)
    assert transcript.conversation == (known[-1] if known else None)


@given(st.lists(usages))
def test_usage_adds_up_and_unknown_money_stays_unknown(steps: list[UsageCounted]):
    usage = folded(list(steps)).usage
    if not steps:
        assert usage is None
        return
    assert usage is not None
    costs = [step.cost_usd for step in steps if step.cost_usd is not None]
    counts = zip(*(step[:4] for step in steps), strict=True)
    assert usage[:4] == tuple(map(sum, counts))
    assert usage.cost_usd == (sum(costs) if costs else None)


@pytest.mark.parametrize("failure", FailureClass)
def test_only_limits_and_provider_faults_may_pass_by_waiting(failure: FailureClass):
    told = FailureTold(failure, "it said why")
    assert told.is_retryable == (failure in RETRYABLE)
    assert told.is_retryable == (failure.value in {"rate_limit", "provider"})


@given(st.lists(events), st.lists(events))
def test_two_turns_cost_what_they_cost_together(
    first: list[OutputEvent], later: list[OutputEvent]
):
    both, whole = joined(folded(first), folded(later)), folded([*first, *later])
    assert both.usage == whole.usage
    assert (both.tool_calls, both.retries) == (whole.tool_calls, whole.retries)
    known = (folded(first).conversation, folded(later).conversation)
    assert both.conversation == (known[1] or known[0])
    assert both.last_text == (folded(later).last_text or folded(first).last_text)
    assert both.finished == folded(later).finished
    assert both.failure == folded(later).failure
