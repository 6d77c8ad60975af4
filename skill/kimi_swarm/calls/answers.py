"""What each action may answer: one model, or several where that depends on the call."""

from __future__ import annotations

from kimi_swarm.calls import told, told_results, told_start
from kimi_swarm.calls.told import Told

ANSWERS: dict[str, tuple[type[Told], ...]] = {
    "plan": (told_start.PreviewTold, told_results.StrategiesTold),
    "spawn": (told_start.SpawnedTold,),
    "list": (told.RunWithSessionsTold, told.RunsTold),
    "poll": (told.RunNewsTold, told.SessionNewsTold, told.InboxTold),
    "wait": (told.WaitedTold,),
    "log": (told.LogTold,),
    "diff": (told_results.DiffTold,),
    "aggregate": (
        told_results.ReportTold,
        told_results.VoteTold,
        told_results.RulingTold,
        told_results.TableTold,
        told_start.SpawnedTold,
    ),
    "send": (told_results.SentTold,),
    "retry": (told_results.RetriedTold,),
    "pause": (told_results.PausedTold,),
    "resume": (told_results.PausedTold,),
    "kill": (told.KilledTold,),
    "clear": (told_results.OneClearedTold, told_results.TidiedTold),
    "stats": (told_results.StatsTold,),
    "doctor": (told_results.HealthTold, told_results.FixesTold),
}
