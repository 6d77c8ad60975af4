from __future__ import annotations

from kimi_swarm.core.estimate import OUTPUT_UNKNOWN, Experience


def test_a_first_request_is_reckoned_by_its_bytes_and_its_own_bound():
    fresh = Experience()
    assert fresh.expect(body_bytes=3000, max_tokens=200) == (1000, 200)
    assert fresh.expect(body_bytes=3000, max_tokens=None) == (1000, OUTPUT_UNKNOWN)


def test_experience_makes_estimates_smaller_but_never_beyond_the_bound():
    seen = Experience()
    for _ in range(5):
        seen.add(body_bytes=4000, input_tokens=1000, output_tokens=100)
    assert seen.expect(body_bytes=8000, max_tokens=32_000) == (2000, 200)
    assert seen.expect(body_bytes=8000, max_tokens=50) == (2000, 50)


def test_a_few_answers_are_no_experience():
    seen = Experience()
    for _ in range(4):
        seen.add(body_bytes=4000, input_tokens=1000, output_tokens=1)
    assert seen.expect(body_bytes=30, max_tokens=900) == (10, 900)
