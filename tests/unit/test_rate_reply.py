from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.rate_headers import LONGEST_S, Told
from kimi_swarm.core.rate_reply import FINE, Reply, ReplyKind, read_reply
from kimi_swarm.core.window import Measure

NOW_S = 1_800_000_000.0
RATE, BUSY = ReplyKind.RATE_LIMIT, ReplyKind.OVERLOADED
GONE, REFUSED = ReplyKind.QUOTA_GONE, ReplyKind.REFUSED


def read(status: int, body: object = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = "" if body is None else json.dumps(body)
    return read_reply(status, named, text, unix_s=NOW_S)


def error(kind: str, message: str) -> dict[str, object]:
    return {"error": {"type": kind, "message": message}}


MOONSHOT = "Your account org-X<ak-Y> request reached"
AFTER = "please try again after"


@pytest.mark.parametrize(
    ("message", "wait_s", "at_once", "told"),
    [
        (
            f"{MOONSHOT} max organization concurrency: 1, {AFTER} 1 seconds",
            1.0,
            1,
            (),
        ),
        (
            f"{MOONSHOT} organization max RPM: 3, {AFTER} 1 seconds",
            1.0,
            None,
            (Told(Measure.REQUESTS, 3, 60.0),),
        ),
        (
            f"{MOONSHOT} TPM rate limit, current:50, limit:500000, {AFTER} 20 seconds",
            20.0,
            None,
            (Told(Measure.TOKENS, 500_000, 60.0),),
        ),
        (
            f"{MOONSHOT} TPD rate limit, current: 1505241, limit: 1500000",
            None,
            None,
            (Told(Measure.TOKENS, 1_500_000, 86_400.0),),
        ),
    ],
)
def test_moonshot_tells_its_limits_in_words(
    message: str, wait_s: float | None, at_once: int | None, told: tuple[Told, ...]
):
    reply = read(429, error("rate_limit_reached_error", message))
    assert reply == Reply(RATE, wait_s, at_once, told, message)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, error("engine_overloaded_error", "The engine is overloaded"), BUSY),
        (429, {"error": {"message": "engine is currently overloaded"}}, BUSY),
        (503, {"error": "Server overloaded, please retry shortly (ref: a)"}, BUSY),
        (529, error("overloaded_error", "Overloaded"), BUSY),
        (429, error("exceeded_current_quota_error", "check your balance"), GONE),
        (429, {"error": {"code": "insufficient_quota", "message": "x"}}, GONE),
        (402, {"error": {"message": "Add credits", "code": 402}}, GONE),
        (402, None, GONE),
        (403, error("access_terminated_error", "Your plan has ended"), GONE),
        (403, {"error": {"message": "You have reached your usage limit"}}, GONE),
        (
            429,
            {"error": "you (user) have reached your weekly usage limit, upgrade"},
            GONE,
        ),
        (
            429,
            error("api_error", "you (user) have reached your session usage limit"),
            GONE,
        ),
        (
            429,
            {"error": {"message": "Rate limit exceeded for free models.", "code": 429}},
            RATE,
        ),
        (429, error("rate_limit_reached_error", "your quota of requests"), RATE),
        (429, None, RATE),
        (401, error("invalid_authentication_error", "no such key"), REFUSED),
        (403, {"error": {"message": "not for you"}}, REFUSED),
        (400, error("invalid_request_error", "your quota"), REFUSED),
        (404, None, REFUSED),
        (500, {"error": "x"}, ReplyKind.FAULT),
        (200, None, ReplyKind.FINE),
    ],
)
def test_each_refusal_is_told_apart(status: int, body: object, kind: ReplyKind):
    assert read(status, body).kind is kind


GOOGLE = (
    "Quota exceeded for quota metric 'Generate Content API requests per minute' and "
    "limit 'GenerateContent request limit per minute for a region'"
)
OPENROUTER = "Rate limit exceeded: free-models-per-{}. Add 10 credits to unlock 1000"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (429, GOOGLE, RATE),
        (429, "Quota exceeded for metric RequestsPerMinutePerProject", RATE),
        (429, "You used your quota of tokens_per_hour", RATE),
        (429, "quota of 5 requests per second", RATE),
        (429, "Your quota: 3 RPM", RATE),
        (429, OPENROUTER.format("min"), RATE),
        (429, OPENROUTER.format("day"), GONE),
        (429, "Quota exceeded for metric 'requests per day'", GONE),
        (429, "You've reached your 5-hour usage limit", GONE),
        (429, "Your account is suspended due to insufficient balance", GONE),
        (403, "This model is not included in your membership", REFUSED),
        (403, "Card numbers and credit history may not be processed", REFUSED),
        (403, "Your account is suspended", REFUSED),
        (403, "You've reached your weekly usage limit", GONE),
        (403, "The usage limit of this key is set to none", REFUSED),
    ],
)
def test_a_rate_and_a_refusal_are_told_from_a_quota_that_is_gone(
    status: int, message: str, kind: ReplyKind
):
    assert read(status, {"error": {"message": message}}).kind is kind


def test_a_page_that_refuses_access_closes_no_pool():
    page = "<html><title>Access suspended</title>"
    assert read_reply(403, {}, page, unix_s=NOW_S).kind is REFUSED
    typed = error("access_terminated_error", "Access suspended")
    assert read(403, typed).kind is GONE


def test_a_quota_that_tells_when_it_begins_anew_is_tried_then():
    resets = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1800050000000"}
    daily = {"error": {"message": OPENROUTER.format("day"), "code": 429}}
    assert read(429, daily, **resets)[:2] == (GONE, 50_000.0)
    weekly = {"error": "you have reached your weekly usage limit"}
    assert read(429, weekly, Retry_After="7200")[:2] == (GONE, 7200.0)
    # Money does not come back within a minute, whatever a window's header says.
    broke = error("insufficient_quota", "check your billing")
    assert read(429, broke, Retry_After="1")[:2] == (GONE, None)
    soon = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "6s"}
    assert read(429, broke, **soon)[:2] == (GONE, None)


def test_who_may_go_on_soon_has_quota_left_whatever_the_words():
    words = {
        "status": "RESOURCE_EXHAUSTED",
        "message": "Quota exceeded",
        "details": [{"retryDelay": "34s"}],
    }
    assert read(429, [{"error": words}])[:2] == (RATE, 34.0)
    assert read(429, {"error": "quota exceeded"}, Retry_After="5")[:2] == (RATE, 5.0)
    assert read(429, {"error": "quota exceeded"}, Retry_After="7200").kind is GONE


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After-Ms": "250", "Retry-After": "1"}, 0.25),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            10.0,
        ),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e300"}, LONGEST_S),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000030000"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000020"}, 20.0),
        (
            {
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "6m0.5s",
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-requests": "900s",
            },
            360.5,
        ),
    ],
)
def test_how_long_to_wait_is_read_from_headers(
    headers: dict[str, str], wait_s: float | None
):
    reply = read_reply(429, headers, "", unix_s=NOW_S)
    assert (reply.kind, reply.wait_s) == (RATE, wait_s)


def test_what_is_left_is_read_from_answers_that_are_fine():
    assert read(200, x_ratelimit_limit_req_minute="60", x_request_id="a").told == (
        Told(Measure.REQUESTS, 60, 60.0),
    )
    assert read(
        200,
        ratelimit_limit="100",
        ratelimit_remaining="7",
        ratelimit_reset="12",
        ratelimit_policy='100;w=60;comment="x"',
    ).told == (Told(Measure.REQUESTS, 100, 60.0, 7, 12.0),)
    assert read(
        200,
        anthropic_ratelimit_tokens_remaining="0",
        anthropic_ratelimit_tokens_reset="2027-01-15T08:00:30Z",
    ).told == (Told(Measure.TOKENS, None, None, 0, 30.0),)
    assert read(200, content_type="text/plain") is FINE


@pytest.mark.parametrize(
    "body",
    ["", "<html>busy</html>", "[" * 70_000, '{"error": 5}', "[]", "null", '{"error":'],
)
def test_a_body_that_is_none_is_a_plain_rate_limit(body: str):
    assert read_reply(429, {}, body, unix_s=NOW_S).kind is RATE


def test_words_for_people_are_short_and_printable():
    reply = read(402, {"error": {"message": "\x1b[31mPay\n now" + "!" * 5000}})
    assert reply.message.startswith("[31mPay now!!!")
    assert len(reply.message) == 300


NAMES = st.sampled_from(
    ["retry-after", "date", "ratelimit-policy", "x-ratelimit-reset", "retry-after-ms"]
    + [f"x-ratelimit-{kind}-tokens" for kind in ("limit", "remaining", "reset")]
)
VALUES = st.text(max_size=30) | st.floats().map(str) | st.integers().map(str)


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(NAMES, VALUES, max_size=6),
    body=st.text(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=20) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "message", "type", "details"]), inner
            )
        ),
    ).map(json.dumps),
)
def test_nothing_that_a_provider_says_is_too_odd(
    status: int, headers: dict[str, str], body: str
):
    reply = read_reply(status, headers, body, unix_s=NOW_S)
    assert reply.wait_s is None or 0 <= reply.wait_s <= LONGEST_S
    for told in reply.told:
        assert told.most is None or told.most >= 1
        assert told.per_s is None or told.per_s > 0
        assert told.reset_s is None or 0 <= told.reset_s <= LONGEST_S


def test_an_error_whose_type_is_no_word_is_read_all_the_same():
    told = read_reply(400, {}, '{"type": []}', unix_s=0.0)
    assert told.kind is ReplyKind.REFUSED
