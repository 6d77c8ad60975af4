"""What the outside may ask for, as models; and doing it.

The entry points, for whoever brings a new way in:

    asked.CALLS            every action by name: its model, a sentence, its answer
    perform.perform        do one validated call: `await perform(home, call)`
    perform.call_of        make a call of plain data, or say what is wrong with it
    answer.Answer          what comes of it: `as_object()` is what `--json` prints,
                           `as_text()` what is printed without, `exit_code` its meaning
    schema.input_schema    the JSON schema of what an action takes
    schema.answer_schema   the JSON schema of what it answers
    told                   the answers as models: run, session, event, error …

Light verbs import this package: nothing may be imported here.
"""

from __future__ import annotations
