"""What would be published of this very tree: fit, agreeing, light, and whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fakes.repos import make_repository, run_git
from publishing import changes, identity, links, parcel, plugin, release, scan
from publishing.__main__ import everything, in_the_way
from publishing.finding import Finding, Level
from publishing.parcel import published

ROOT = Path(__file__).parents[2]
NEEDED = {"SKILL.md", "README.md", "LICENSE", "manifest.yaml", "requirements.lock"}


@pytest.fixture(scope="module")
def names() -> list[str]:
    return published(ROOT)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of this tree without what is heavy, to spoil."""
    folder = tmp_path / "tree"
    for name in [*published(ROOT), *parcel.RULES, "pyproject.toml"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def told(found: list[Finding], level: Level = Level.WRONG) -> str:
    return "\n".join(str(one) for one in found if one.level is level)


def test_nothing_in_this_tree_is_in_the_way_of_publishing_but_what_publishers_set():
    assert told(everything(ROOT)) == ""


def test_users_get_what_they_need_and_nothing_of_developers(names: list[str]):
    assert set(names) >= NEEDED
    assert {name.split("/")[0] for name in names if "/" in name} <= {
        "docs",
        "examples",
        "prompts",
        "references",
        "skill",
    }
    tops = {name for name in names if "/" not in name}
    assert {one for one in tops if one.endswith((".py", ".toml"))} == set()


def test_every_lock_but_the_developers_is_published(names: list[str]):
    locks = {one.name for one in ROOT.glob("requirements*.lock")}
    assert {one for one in names if one.endswith(".lock")} == locks - {
        "requirements-dev.lock"
    }


def test_what_git_does_not_know_is_the_only_thing_a_release_leaves_out(
    names: list[str],
):
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    assert set(names) <= set(listed.stdout.decode().split("\0"))


def test_a_copy_has_no_run_bits_and_the_same_bytes(tmp_path: Path, names: list[str]):
    copied = parcel.copy(ROOT, tmp_path / "kimi-swarm")

    assert sorted(published(copied)) == sorted(names)
    for name in names:
        assert (copied / name).stat().st_mode & 0o111 == 0
        assert (copied / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_version_that_differs_between_two_files_is_found(tree: Path):
    replace(tree / "manifest.yaml", "\nversion: 0.1.0\n", "\nversion: 0.2.0\n")

    assert "manifest: its version is '0.2.0', and not '0.1.0'" in told(
        identity.look_at(tree)
    )


def test_addresses_that_nobody_has_set_are_missing_and_said_so(tree: Path):
    lines = told(identity.look_at(tree), Level.MISSING).splitlines()

    assert [line.split("`")[1] for line in lines] == ["Homepage", "Source"]


def set_addresses(tree: Path) -> None:
    urls = 'Homepage = "https://home.invalid"\nSource = "https://github.com/nobody/x"\n'
    with (tree / "pyproject.toml").open("a") as file:
        file.write(f"[project.urls]\n{urls}")


def test_a_homepage_is_set_once_and_the_skill_has_to_repeat_it(tree: Path):
    set_addresses(tree)
    found = identity.look_at(tree)
    assert told(found, Level.MISSING) == ""
    assert "needs `homepage: https://home.invalid`" in told(found)

    told_there = "  openclaw:\n    homepage: https://home.invalid\n"
    replace(tree / "SKILL.md", "  openclaw:\n", told_there)

    assert told(identity.look_at(tree)) == ""


def test_nothing_is_in_the_way_of_a_publisher_who_has_set_everything(tree: Path):
    set_addresses(tree)
    told_there = "  openclaw:\n    homepage: https://home.invalid\n"
    replace(tree / "SKILL.md", "  openclaw:\n", told_there)
    replace(tree / "CHANGELOG.md", "## [Unreleased]", "## [0.1.0] - 2026-01-01")
    make_repository(tree, {})

    found = everything(tree)

    assert told(found) + told(found, Level.MISSING) == ""
    assert not in_the_way(found, strict=True)


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("    always: true\n", "`always` is held for a privilege"),
        ("    envVars:\n      - name: NO_SUCH_KEY\n", "declares NO_SUCH_KEY, which"),
    ],
)
def test_a_frontmatter_that_asks_for_more_than_is_used_is_found(
    tree: Path, new: str, sentence: str
):
    text = (
        (tree / "SKILL.md").read_text("utf-8").replace("    envVars:\n", "    was:\n")
    )
    (tree / "SKILL.md").write_text(
        text.replace("  openclaw:\n", "  openclaw:\n" + new, 1), "utf-8"
    )

    assert sentence in told(identity.look_at(tree))


def test_a_link_to_what_is_left_out_is_found(tree: Path):
    text = (
        "[a](../tests/x.py) [b](plans.md) [c](../README.md#d) `{baseDir}/docs/no.md`."
    )
    (tree / "docs" / "more.md").write_text(text, "utf-8")

    found = told(links.look_at(tree, published(tree))).splitlines()

    assert [line.split(" leads to ")[1].split(",")[0] for line in found] == [
        "tests/x.py",
        "docs/no.md",
    ]


def test_a_harmful_word_and_a_foreign_host_are_found_with_their_places(tree: Path):
    words = "One line.\nIt will auto-" + "approve.\nSee https://stranger.invalid/x\n"
    (tree / "docs" / "more.md").write_text(words, "utf-8")
    names = published(tree)

    assert "docs/more.md:2: confirmation_bypass" in told(scan.look_at(tree, names))
    assert "names the host stranger.invalid" in told(scan.addresses(tree, names, ()))


def test_an_explanation_of_what_is_gone_is_found(tree: Path):
    (tree / "skill/kimi_swarm/process/takeover.py").write_text("", "utf-8")

    found = told(scan.look_at(tree, published(tree)))

    assert "copied_environment is explained, and no longer there" in found


def test_files_that_make_a_skill_a_plugin_and_too_large_ones_are_found(tree: Path):
    (tree / "openclaw.plugin.json").write_text("{}")
    (tree / "large.txt").write_bytes(b"x" * (parcel.FILE_LIMIT_BYTES + 1))

    found = told(parcel.look_at(tree))

    assert "openclaw.plugin.json: makes this a plugin" in found
    assert "large.txt: larger than" in found


def test_a_release_lays_the_commit_and_not_what_lies_beside_it(tree: Path):
    set_addresses(tree)
    make_repository(tree, {})
    (tree / "left over.md").write_text("not committed")
    (tree / "README.md").write_text("changed")
    assert "not committed: README.md, " in told(release.look_at(tree), Level.MISSING)

    words = release.prepared(tree, tree / "dist", identity.identity_of(tree))

    laid = tree / "dist" / "kimi-swarm"
    assert published(laid) == published(ROOT)
    assert (laid / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()
    options = dict(zip(words[4::2], words[5::2], strict=True))
    commit = run_git(tree, "rev-parse", "HEAD")
    assert words[:4] == ["clawhub", "skill", "publish", str(laid)]
    assert options["--source-commit"] == commit
    assert options["--source-repo"] == "https://github.com/nobody/x"
    assert options["--categories"] == "development,agents"
    assert len(options["--topics"].split(",")) <= 5
    assert len(release.shown(words).splitlines()) == len(options) + 1


def test_a_version_without_a_section_in_the_changelog_is_missing(tmp_path: Path):
    text = "# Changelog\n\n## [Unreleased]\n\n- A\n\n## [0.2.0] - 2026-01-01\n\n- B\n"
    (tmp_path / "CHANGELOG.md").write_text(text)

    assert changes.changes_of(tmp_path, "0.2.0") == "- B"
    assert changes.look_at(tmp_path, "0.2.0") == []
    assert "no section [0.3.0]" in told(
        changes.look_at(tmp_path, "0.3.0"), Level.MISSING
    )


def test_the_bundle_holds_the_skill_and_starts_its_server_from_it(
    tmp_path: Path, names: list[str]
):
    folder = plugin.build(ROOT, tmp_path)

    said = json.loads((folder / ".claude-plugin" / "plugin.json").read_text())
    assert said["name"] == "kimi-swarm"
    assert said["version"] == identity.identity_of(ROOT).version
    servers = json.loads((folder / ".mcp.json").read_text())["mcpServers"]
    ((_, server),) = servers.items()
    script, verb = server["args"]
    assert verb == "mcp"
    launcher = Path(script.replace("${CLAUDE_PLUGIN_ROOT}", str(folder)))
    assert launcher == folder / "skills" / "kimi-swarm" / "skill" / "swarm.py"
    assert launcher.is_file()
    assert published(folder / "skills" / "kimi-swarm") == names
