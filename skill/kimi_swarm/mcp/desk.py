"""Where tools are called: each call is read, placed, done in time, and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
from mcp import MCPError, types
from mcp.server import ServerRequestContext

from kimi_swarm.calls.answer import OUT_OF_TIME, Answer
from kimi_swarm.calls.asked import Call, PollCall, WaitCall
from kimi_swarm.calls.catalogue import CALLS, call_of
from kimi_swarm.calls.perform import perform
from kimi_swarm.errors import SwarmError
from kimi_swarm.mcp.asked import Asked
from kimi_swarm.mcp.folders import placed
from kimi_swarm.mcp.late import AskedWork, LateWork, Work
from kimi_swarm.mcp.progress import tell_progress
from kimi_swarm.mcp.tools import LONGEST_S, tool_of
from kimi_swarm.mcp.wire import Deliveries
from kimi_swarm.telling.as_json import error_object
from kimi_swarm.telling.refusals import defect_of, sentence_of

Context = ServerRequestContext[LateWork, Any]


class Desk:
    """One client's tools, on one state folder.

    With `is_structured` answers are objects with a schema, else text for a model to
    read. `default` is where paths begin if neither call nor client says it. No call
    takes longer than `longest_s`.
    """

    def __init__(
        self,
        home: str,
        *,
        is_structured: bool = False,
        default: Path | None = None,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._home = home
        self._is_structured = is_structured
        self._default = default
        self._longest_s = longest_s
        self.deliveries = Deliveries(home)

    async def list_tools(
        self, _ctx: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """Tell all tools at once."""
        tools = [tool_of(name, is_structured=self._is_structured) for name in CALLS]
        return types.ListToolsResult(tools=tools)

    async def call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Do one call. What is wrong with it is told to who asked, as a result.

        Raises MCPError for a tool that there is not.
        """
        if params.name not in CALLS:
            known = ", ".join(CALLS)
            raise MCPError(
                types.INVALID_PARAMS,
                f"There is no tool {params.name!r}. The tools are: {known}.",
            )
        try:
            work = await self._done(ctx, params)
            answer = work.told()
            note = work.note() if isinstance(work, AskedWork) else ""
            told = self._told(params.name, answer, note)
        except SwarmError as error:
            return self._refused(error)
        except Exception as error:  # noqa: BLE001 the last place that can tell
            return self._refused(defect_of(error))
        self.deliveries.expect(ctx.request_id, answer.marks)
        return told

    async def _done(self, ctx: Context, params: types.CallToolRequestParams) -> Work:
        """Read the call and do it. Raises SwarmError, StillWorkingError with it."""
        fields = params.arguments or {}
        call = await placed(call_of(params.name, fields), ctx, self._default)
        if isinstance(call, WaitCall | PollCall):
            return await self._waited(ctx, call)
        work = await ctx.lifespan_context.ended(
            Asked(params.name, call),
            lambda: perform(self._home, call),
            limit_s=self._longest_s,
        )
        if work is None:
            raise StillWorkingError(params.name, self._longest_s)
        return work

    async def _waited(self, ctx: Context, call: WaitCall | PollCall) -> Work:
        """Wait no longer than a client does, and tell it meanwhile how it stands."""
        most_s = self._longest_s
        asked_s = most_s if call.timeout_s is None else min(call.timeout_s, most_s)
        bounded: Call = call.model_copy(update={"timeout_s": asked_s})
        work = Work()  # keeps an error whole, which a group of tasks would wrap
        async with anyio.create_task_group() as group:
            group.start_soon(tell_progress, self._home, call, ctx)
            await work.do(lambda: perform(self._home, bounded))
            group.cancel_scope.cancel()
        return work

    def _told(self, name: str, answer: Answer, note: str) -> types.CallToolResult:
        if self._is_structured:
            told = answer.as_object()
            text = json.dumps(told, ensure_ascii=False, indent=2)
            # The object keeps to its schema, and the first text to the object.
            return _result(text, *([note] if note else []), told=told)
        text = answer.as_text()
        if answer.exit_code == OUT_OF_TIME:
            text += f"\nTo go on waiting, call {name} again."
        return _result(f"{text}\n{note}" if note else text)

    def _refused(self, error: SwarmError) -> types.CallToolResult:
        told = error_object(error)
        text = json.dumps(told) if self._is_structured else sentence_of(error)
        return _result(text, is_error=True)


class StillWorkingError(SwarmError):
    """Raised when a call is not done by the time its client would give up."""

    code = "still_working"
    retryable = True

    def __init__(self, name: str, after_s: float) -> None:
        super().__init__(
            f"{name} is still at work after {after_s:.0f} s and goes on.",
            remedy="Call it again with the same arguments to hear what came of it.",
        )


def _result(
    *texts: str, told: dict[str, Any] | None = None, is_error: bool = False
) -> types.CallToolResult:
    content: list[types.ContentBlock] = [types.TextContent(text=text) for text in texts]
    return types.CallToolResult(
        content=content, structured_content=told, is_error=is_error
    )
