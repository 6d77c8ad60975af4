"""What the outside may ask for, as models; and doing it.

The entry points, for whoever brings a new way in:

    catalogue.CALLS          every action by name, with the model of what it takes
    catalogue.call_of        make a call of plain data, or say what is wrong with it
    catalogue.summary_of     what an action does, in a sentence
    perform.perform          do a call: `answer = await perform(home, call)`
    perform.note             after the answer was handed over: its news are news no more
    answer.Answer            `as_object()` is what `--json` prints, `as_text()` what is
                             printed without, `exit_code` what it means
    schema.input_schema      the JSON schema of what an action takes
    schema.answer_schema     the JSON schema of what it answers
    told, told_results       the answers as models: run, session, event, error, report …

`home` is `location.state_home()` unless somebody says otherwise. What is wrong is
raised as a SwarmError; `telling.as_json.error_object` makes the object of it.

Light verbs import this package: nothing may be imported here.
"""

from __future__ import annotations
