"""Named tuples for light code: as `typing.NamedTuple`, without importing `typing`.

`typing` brings `re` and `enum` along and compiles every annotation: together half a
bare interpreter start, for each call of a light verb.
"""

from __future__ import annotations

from collections import namedtuple

__all__ = ["Row"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Row
else:

    class _MakeRow(type):
        def __new__(
            cls, name: str, bases: tuple[type, ...], body: dict[str, object]
        ) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(  # noqa: PYI024 this is what makes the typed ones
                name, fields, defaults=defaults, module=body["__module__"]
            )
            for key, value in body.items():
                if key not in fields and key not in ("__module__", "__annotations__"):
                    setattr(made, key, value)
            return made

    class Row(metaclass=_MakeRow):
        """Base of a named tuple whose fields are its annotated names."""
