"""A read that was given up as data came is no defect; other errors are told."""

from __future__ import annotations

import asyncio

import pytest

from kimi_swarm.process.late_reads import pass_over_late_reads


async def late_read_and(*errors: Exception) -> None:
    """Set a future that was cancelled, as a loop does, and raise what is given."""
    pass_over_late_reads()
    loop = asyncio.get_running_loop()
    given_up = loop.create_future()
    given_up.cancel()
    loop.call_soon(given_up.set_result, None)
    for error in errors:
        loop.call_soon(raises, error)
    await asyncio.sleep(0)


def raises(error: Exception) -> None:
    raise error


def test_a_read_that_was_given_up_as_data_came_is_not_told(
    caplog: pytest.LogCaptureFixture,
):
    asyncio.run(late_read_and())
    assert caplog.records == []


def test_any_other_error_of_nobody_s_is_told(caplog: pytest.LogCaptureFixture):
    asyncio.run(late_read_and(LookupError("lost")))
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
        LookupError
    ]
