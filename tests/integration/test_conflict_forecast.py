"""aggregate warns of conflicts while workers still work, and disturbs none of them."""

from __future__ import annotations

from fakes.repos import portrait
from fakes.swarm import Swarm, until


def test_tasks_that_touch_the_same_file_are_told_while_they_work(swarm: Swarm):
    repo = swarm.repository({"a.txt": "one\ntwo\n", "b.txt": "b\n"})
    before = portrait(repo)
    gate = swarm.folder / "gate"
    gate.write_text("")
    wait = f"while test -e {gate}; do sleep 0.05; done"

    def works(deed: str) -> dict[str, object]:
        mark = f"touch {swarm.folder}/$KIMI_SWARM_TASK.on"
        return {"argv": ["sh", "-c", f"{deed}; {mark}; {wait}"]}

    tasks = {
        "one": works("echo x > a.txt"),
        "two": works("echo y > a.txt; git commit -qam mine"),
        "apart": works("echo z > c.txt"),
        "later": {**works("echo w >> a.txt"), "needs": ["one"]},
    }
    run = swarm.spawn(tasks)
    for name in ("one", "two", "apart"):
        until((swarm.folder / f"{name}.on").exists)

    told = swarm.call("aggregate", run, code=1)
    gate.unlink()
    swarm.ended(run)
    ended = swarm.call("aggregate", run)
    merged = swarm.call("aggregate", run, "--merge", code=1)

    assert "Likely conflict: one and two in > a.txt" in told.lines
    assert "Conflict ahead: one and two in > a.txt" in ended.lines
    assert not any(
        "apart and" in line or "one and later" in line for line in ended.lines
    )
    assert f"- NOT merged: `swarm/{run}/two` — conflict in > a.txt" in merged.lines
    assert portrait(repo) == before


def test_edits_that_git_can_join_and_needs_are_no_conflict(swarm: Swarm):
    swarm.repository({"a.txt": "".join(f"{n}\n" for n in range(20))})
    run = swarm.spawn(
        {
            "top": {"argv": ["sh", "-c", "sed -i s/^1$/one/ a.txt"]},
            "end": {"argv": ["sh", "-c", "sed -i s/^18$/last/ a.txt"]},
            "gone": {"argv": ["git", "rm", "-q", "a.txt"]},
        }
    )
    swarm.ended(run)
    for _ in range(2):
        likely = swarm.ask("aggregate", run)["likely"]
        assert [each["tasks"] for each in likely] == [["top", "gone"], ["end", "gone"]]
        assert all(each["is_sure"] for each in likely)
