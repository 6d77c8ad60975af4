"""What the outside may ask of runs that there are: one model per action.

A field has the name of its option on the command line; a test holds the two together.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kimi_swarm.core.answers import TableFormat
from kimi_swarm.core.usage_sums import By
from kimi_swarm.core.written import Line

MAX_NUMBER = 99_999_999_999


def _whole(given: object) -> object:
    """Take 5.0 for 5, as JSON schemas do."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


WHOLE = BeforeValidator(_whole)
Seconds = Annotated[float, Field(ge=0, le=10_000_000)]
Count = Annotated[int, Field(ge=0, le=MAX_NUMBER), WHOLE]
Amount = Annotated[int, Field(ge=1, le=MAX_NUMBER), WHOLE]
RUN = "A run's id, such as calm-river."
SESSION = "A session's id, such as calm-river/header."
RUN_OR_SESSION = "A run's id (calm-river) or a session's (calm-river/header)."
ASKER = "Who asks: each asker is told everything once, and has a place of its own."


def _listed(given: object) -> object:
    """Take a single text for a list of it."""
    return (given,) if isinstance(given, str) else given


def _question(given: object) -> object:
    """Read a question: true asks without one, false not, and text must not be blank."""
    if given is False:
        return None
    if isinstance(given, str) and not given.strip():
        raise ValueError("is empty; give a question, or none with true")
    return "" if given is True else given


class Call(BaseModel):
    """What somebody asks for: nothing converted, nothing unknown, frozen."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        # One call needs one of the models: the others' schemas need not be built.
        defer_build=True,
    )


class ListCall(Call):
    """What there is: runs, or one run's sessions."""

    run: Annotated[
        Line | None, Field(description="Show this run's sessions instead of runs.")
    ] = None
    limit: Annotated[Count, Field(description="How many runs to show.")] = 20
    size: Annotated[
        bool, Field(description="Tell also how many bytes each run takes on the disk.")
    ] = False
    asker: Annotated[str | None, Field(description="Only the runs of this asker.")] = (
        None
    )


class PollCall(Call):
    """Only what is new to the asker: of a run, a session, or which runs ended."""

    id: Annotated[
        Line | None,
        Field(description=f"{RUN_OR_SESSION} None: which runs ended."),
    ] = None
    timeout_s: Annotated[
        Seconds, Field(description="Wait at most so many seconds for something new.")
    ] = 0.0
    asker: Annotated[str | None, Field(description=ASKER)] = None


class LogCall(Call):
    """What a session's worker wrote, by lines."""

    session: Annotated[Line, Field(description=SESSION)]
    offset: Annotated[
        Count | None, Field(description="The first line to show, counted from 0.")
    ] = None
    limit: Annotated[
        Count | None, Field(description="How many lines to show; the last 200 if open.")
    ] = None
    raw: Annotated[
        bool, Field(description="Leave the worker's own format as it is.")
    ] = False


class WaitCall(Call):
    """Wait until a run, or any session of it, has ended."""

    run: Annotated[Line, Field(description=RUN)]
    any: Annotated[
        bool, Field(description="Wait only until any session of it has ended.")
    ] = False
    timeout_s: Annotated[
        Seconds | None, Field(description="Give up after so many seconds.")
    ] = None
    asker: Annotated[
        str | None, Field(description="Who asks: each asker is told of every end.")
    ] = None


class KillCall(Call):
    """End a session, a run or everything, with all processes they started."""

    id: Annotated[Line | None, Field(description=RUN_OR_SESSION)] = None
    all: Annotated[
        bool, Field(description="End everything that runs; give no id then.")
    ] = False
    asker: Annotated[
        str | None, Field(description="With all: only what belongs to this asker.")
    ] = None


class SendCall(Call):
    """Go on with a worker's conversation in its workspace."""

    session: Annotated[Line, Field(description=SESSION)]
    message: Annotated[
        str | None, Field(description="What to tell its worker.", max_length=1_000_000)
    ] = None
    file: Annotated[
        Line | None, Field(description="Read the message from this file instead.")
    ] = None


class ClearCall(Call):
    """Forget runs that are over; no work is lost."""

    run: Annotated[
        tuple[Line, ...],
        BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
        Field(strict=False, description="Ids of runs that are over."),
    ] = ()
    older_than: Annotated[
        str | None, Field(description="All that ended so long ago: 30m, 12h or 7d.")
    ] = None
    dry_run: Annotated[bool, Field(description="Only say what would go.")] = False
    force: Annotated[
        bool, Field(description="Also with work merged nowhere, which is salvaged.")
    ] = False


class AggregateCall(Call):
    """A run's report; or its branches merged, judged, counted or tabulated."""

    run: Annotated[Line, Field(description=RUN)]
    merge: Annotated[bool, Field(description="Merge what succeeded on one branch.")] = (
        False
    )
    check: Annotated[
        str | None, Field(description="A shell line that the merge must pass.")
    ] = None
    check_timeout_s: Annotated[
        Seconds | None, Field(description="How long that check may take.")
    ] = None
    check_every: Annotated[
        Count | None, Field(description="Run the check after so many branches.")
    ] = None
    again: Annotated[
        bool, Field(description="Try once more to merge what was set aside.")
    ] = False
    resolve: Annotated[
        bool, Field(description="Let workers resolve what conflicts.")
    ] = False
    profile: Annotated[
        Line | None, Field(description="The worker that resolves or synthesises.")
    ] = None
    apply: Annotated[
        bool, Field(description="Bring the merge to the branch that is checked out.")
    ] = False
    judge: Annotated[
        bool, Field(description="Say which candidate is best, and why.")
    ] = False
    vote: Annotated[bool, Field(description="Count equal answers.")] = False
    synthesise: Annotated[
        str | None,
        BeforeValidator(_question, json_schema_input_type=str | bool | None),
        Field(description="Let a worker fold the answers; true: for no question."),
    ] = None
    table: Annotated[
        TableFormat | None,
        Field(strict=False, description="One row per task, written so."),
    ] = None


class RetryCall(Call):
    """Do again what failed; what succeeded is kept."""

    id: Annotated[Line, Field(description=RUN_OR_SESSION)]
    notify: Annotated[
        str | None, Field(description="The host's session that is told of the end.")
    ] = None


class PauseCall(Call):
    """Start nothing more of a run; what works goes on."""

    run: Annotated[Line, Field(description=RUN)]


class ResumeCall(Call):
    """Let a run that is paused, or held by a budget, start its workers again."""

    run: Annotated[
        Line, Field(description=f"{RUN} With a budget also one of its sessions.")
    ]
    usd: Annotated[
        float | None, Field(gt=0, le=10**9, description="Its budget in US dollars.")
    ] = None
    tokens: Annotated[Amount | None, Field(description="Its budget in tokens.")] = None
    requests: Annotated[
        Amount | None, Field(description="Its budget in requests to models.")
    ] = None
    sessions: Annotated[
        Amount | None, Field(description="How many sessions it may start in all.")
    ] = None


class DiffCall(Call):
    """What one session changed, as a patch."""

    session: Annotated[Line, Field(description=SESSION)]
    limit_bytes: Annotated[
        Count, Field(description="Cut the patch after so many bytes.")
    ] = 12_000


class StatsCall(Call):
    """What was used and what it cost: tokens, requests, money."""

    run: Annotated[
        Line | None, Field(description="Only this run; all runs if not given.")
    ] = None
    by: Annotated[
        By | None, Field(strict=False, description="Tell it apart by this.")
    ] = None
    since: Annotated[
        str | None,
        Field(description="From this day (UTC) on: 2026-11-20, or 7d, 2w ago."),
    ] = None
    limit: Annotated[
        Count | None, Field(description="With by: how many groups; 20 if open.")
    ] = None


class DoctorCall(Call):
    """What this machine can run, and a command that works now."""

    fix: Annotated[
        bool, Field(description="End and remove what crashes left; no work is lost.")
    ] = False
    cwd: Annotated[
        Line | None, Field(description="Absolute folder whose own profiles count.")
    ] = None
