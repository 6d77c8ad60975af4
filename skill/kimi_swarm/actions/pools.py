"""Which pools workers draw on here, and how they are held to what those bear."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kimi_swarm.actions.ready import Ready
from kimi_swarm.core.budget import Budget
from kimi_swarm.core.names import COMMAND
from kimi_swarm.core.pool_rule import PoolRule, host_of, pools_of
from kimi_swarm.core.pool_words import by_gateway, by_session
from kimi_swarm.core.task import GatewayTerms, Recipe, Task
from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.lanes.gateway.ways import Ways, ways_of
from kimi_swarm.workers.gated import document_of
from kimi_swarm.workers.models import expanded
from kimi_swarm.workers.profile import BASIC_ENV, Kind, Profile
from kimi_swarm.workers.recipe import gateway_terms


class Held(NamedTuple):
    """How a worker is held to its provider's limits.

    `pools` are the names of those that its requests draw on in the gateway, `rules`
    what is written of them; without the gateway only sessions are held. `places` are
    the hosts of its providers. `spends_on` is what it draws on for sure: the host, and
    pools.
    """

    by_gateway: bool
    pools: tuple[str, ...] = ()
    rules: tuple[PoolRule, ...] = ()
    places: tuple[str, ...] = ()
    spends_on: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """One sentence for people."""
        if self.by_gateway:
            return by_gateway(self.rules, self.places)
        return by_session(self.rules)


async def with_pools(
    tasks: Sequence[Task],
    ready: Mapping[str, Ready],
    rules: Sequence[PoolRule],
    environ: Mapping[str, str],
) -> tuple[tuple[Task, ...], dict[str, str]]:
    """Return tasks that know their pools, and by profile how it is held to them."""
    known: dict[tuple[str, str | None], Held] = {}
    found, words = [], {}
    for task in tasks:
        recipe, profile = task.recipe, ready[task.recipe.profile].profile
        key = (profile.name, recipe.model)
        if profile.kind is Kind.CLI:
            if key not in known:
                env = _environment(recipe.env_pass, recipe.env_set, environ)
                known[key] = await _held(
                    profile, recipe.gateway, env, recipe.model, rules
                )
            words[profile.name] = known[key].words
            recipe = _drawing(recipe, known[key])
        found.append(replace(task, recipe=recipe))
    return tuple(found), words


def unseen_by_pools(
    tasks: Sequence[Task], budgets: Sequence[Budget], gated: Collection[str]
) -> list[str]:
    """Say whose use no budget of a pool counts, as its provider is not known."""
    if not any(one.scope.startswith("pool-") for one in budgets):
        return []
    unseen = {
        task.recipe.profile
        for task in tasks
        if task.recipe.profile not in (COMMAND, *gated) and not task.recipe.spends_on
    }
    told = "No budget of a pool counts {}: nobody knows which provider it draws on."
    return [told.format(name) for name in sorted(unseen)]


async def held_of(
    profile: Profile, rules: Sequence[PoolRule], environ: Mapping[str, str]
) -> Held | None:
    """Return how a profile's workers are held here, None for those without a model."""
    if profile.kind is not Kind.CLI:
        return None
    passed = (*BASIC_ENV, *profile.env.passed)
    env = _environment(passed, profile.env.values, environ)
    return await _held(profile, gateway_terms(profile), env, None, rules)


def _environment(
    passed: Sequence[str], values: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    return {name: environ[name] for name in passed if name in environ} | dict(values)


async def _held(
    profile: Profile,
    terms: GatewayTerms | None,
    env: Mapping[str, str],
    model: str | None,
    rules: Sequence[PoolRule],
) -> Held:
    ways = await ways_of(terms, env)
    if terms is None or ways is None:
        return _of_itself(profile, model, rules, env)
    routes, model = _chosen(terms, ways, env, model or "")
    drawn = {
        pool: None
        for route in routes
        for pool in pools_of(rules, _url(route), model, otherwise=route.pool)
    }
    written = tuple(rule for rule in rules if rule.name in drawn)
    places = tuple(dict.fromkeys(route.pool for route in routes))
    # Where it may go to several, none is sure to be drawn on.
    pools = tuple(drawn) if len(routes) == 1 else ()
    spends_on = tuple(dict.fromkeys((*places, *pools))) if pools else ()
    return Held(True, pools, written, places, spends_on)


def _chosen(
    terms: GatewayTerms, ways: Ways, env: Mapping[str, str], model: str
) -> tuple[tuple[Route, ...], str]:
    """Return the routes that a model is reached by, and its name over there."""
    if not model:
        document = document_of(terms, env, ways.settings) or {}
        named = document.get("model")
        model = named if isinstance(named, str) else ""
    provider, _, rest = model.partition("/")
    for route in ways.routes:
        if route.name == provider and rest:
            return (route,), rest
    return ways.routes, model


def _of_itself(
    profile: Profile,
    model: str | None,
    rules: Sequence[PoolRule],
    env: Mapping[str, str],
) -> Held:
    """Return how a worker is held whose requests nobody sees, by its provider."""
    models = profile.models
    if models is None or any(env.get(name) for name in models.unless_env):
        return Held(False)
    url = expanded(models.url, env)
    plain = (model or "").removeprefix(models.prefix)
    found = tuple(rule for rule in rules if url and rule.covers(url, plain))
    host = host_of(url)
    spends_on = (host, *(rule.name for rule in found)) if host else ()
    return Held(False, rules=found, spends_on=spends_on)


def _drawing(recipe: Recipe, held: Held) -> Recipe:
    """Return a recipe that knows its pools, its sessions held to what they bear."""
    spacing_s = max(rule.start_spacing_s for rule in held.rules) if held.rules else 0.0
    most = recipe.max_parallel
    if not held.by_gateway:
        bounds = [rule.limits.concurrency for rule in held.rules]
        told = [bound for bound in (most, *bounds) if bound is not None]
        most = min(told, default=None)
    return replace(
        recipe,
        pools=held.pools,
        spends_on=held.spends_on,
        max_parallel=most,
        spacing_s=max(recipe.spacing_s, spacing_s),
    )


def _url(route: Route) -> str:
    return f"{route.origin}{route.path}"
