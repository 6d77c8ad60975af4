"""A Profile applied to one task: what the machine keeps of how to start a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kimi_swarm.core.task import GatewayTerms, Permission, Recipe
from kimi_swarm.core.written import quoted
from kimi_swarm.workers.profile import (
    BASIC_ENV,
    MODEL,
    PERMISSION,
    Kind,
    Profile,
    ProfileError,
)
from kimi_swarm.workers.profile_terms import STATE, Groups, Hold


def make_recipe(
    profile: Profile,
    *,
    program_argv: tuple[str, ...],
    extra_path: str | None,
    model: str | None,
    argv: tuple[str, ...] | None,
    permission: Permission = Permission.EDIT,
    state: str | None = None,
) -> Recipe:
    """Apply a profile to one task.

    `program_argv` is the found program (absolute, behind its interpreter), `argv` the
    task's own words for kind `command`. A given `extra_path` becomes the worker's PATH.
    With a `state` folder (absolute) the worker keeps its own state below it. Raises
    ProfileError when the profile cannot take the model, the argv or the permission.
    """
    _refuse_what_it_cannot(profile, model, argv, permission)
    hold = profile.permissions.get(permission)

    def line(groups: Groups) -> tuple[str, ...]:
        words = _filled(groups, model, hold)
        return (*program_argv, *words) if groups else ()

    recipe = Recipe(
        profile=profile.name,
        argv=(*program_argv, *argv[1:]) if argv else line(profile.argv) or program_argv,
        prompt_via=profile.prompt_via,
        env_set=_values(profile, hold, extra_path, state),
        env_pass=(*BASIC_ENV, *profile.env.passed),
        permission=permission,
        resume_argv=line(profile.resume),
        resume_last_argv=line(_resume_last(profile, hold)),
        attach_argv=line(profile.attach),
        model=model,
    )
    if (warm_up := profile.warm_up) is not None:
        words = (*program_argv, *warm_up.argv)
        recipe = replace(recipe, warm_up_argv=words, warm_up_limit_s=warm_up.limit_s)
    return _with_terms(recipe, profile)


def _resume_last(profile: Profile, hold: Hold | None) -> Groups:
    """Return the words that go on with the last conversation, if they are safe.

    A program that finds none may begin a new one: where words hold the worker to its
    permission, they must be among these words too.
    """
    told_again = (PERMISSION,) in profile.resume_last
    return () if hold and hold.argv and not told_again else profile.resume_last


def _with_terms(recipe: Recipe, profile: Profile) -> Recipe:
    """Add what a profile says of every task alike."""
    symptoms = profile.errors
    return replace(
        recipe,
        prompt_limit_bytes=profile.prompt_limit_bytes,
        long_prompt=profile.long_prompt,
        dialect=profile.dialect,
        merge_stderr=profile.merge_stderr,
        ok_exit_codes=profile.ok_exit_codes,
        grace_s=profile.grace_s,
        max_parallel=profile.max_parallel,
        spacing_s=profile.spacing_s,
        usage_files=profile.usage.files if profile.usage else (),
        usage_format=profile.usage.format.value if profile.usage else None,
        pty=profile.pty,
        asks=profile.asks,
        errors=tuple(
            (one.pattern, one.failure.value) for one in symptoms if one.pattern
        ),
        exit_errors=tuple(
            (one.exit_code, one.failure.value) for one in symptoms if one.exit_code
        ),
        gateway=gateway_terms(profile),
    )


def gateway_terms(profile: Profile) -> GatewayTerms | None:
    """Return how a profile's requests are led through the gateway, None if not."""
    written = profile.gateway
    if written is None:
        return None
    return GatewayTerms(
        written.url_env,
        written.key_env,
        written.kind_env,
        written.default_urls,
        written.content_env,
        written.file_env,
        written.values,
    )


def _refuse_what_it_cannot(
    profile: Profile,
    model: str | None,
    argv: tuple[str, ...] | None,
    permission: Permission,
) -> None:
    if (profile.kind is Kind.COMMAND) is not (argv is not None):
        wanted = "needs argv" if argv is None else "takes a prompt, not argv"
        raise ProfileError(profile.name, wanted)
    if model is not None and not profile.takes_model:
        raise ProfileError(
            profile.name,
            f"takes no model, but {quoted(model)} is asked for",
            remedy="Leave the model out, or choose a profile that takes one.",
        )
    if permission is Permission.READ and permission not in profile.permissions:
        raise ProfileError(
            profile.name,
            "cannot be held to reading",
            remedy="Choose a profile that can, or allow it to edit.",
        )


def _values(
    profile: Profile, hold: Hold | None, extra_path: str | None, state: str | None
) -> dict[str, str]:
    values = {**profile.env.values, **(hold.values if hold else {})}
    if state is not None:
        for name, place in profile.isolate.items():
            values[name] = place.replace(STATE, state)
    return values if extra_path is None else {**values, "PATH": extra_path}


def _filled(groups: Groups, model: str | None, hold: Hold | None) -> Iterator[str]:
    for group in groups:
        if group == (PERMISSION,):
            yield from hold.argv if hold else ()
        elif model is not None or not any(MODEL in word for word in group):
            yield from (word.replace(MODEL, model or "") for word in group)
