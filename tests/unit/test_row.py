"""Rows are named tuples: fields, defaults, own methods."""

from __future__ import annotations

from kimi_swarm.core.row import Row


class Point(Row):
    """A place in the plane."""

    x: int
    y: int = 2

    @property
    def total(self) -> int:
        return self.x + self.y

    def __str__(self) -> str:
        return f"{self.x}:{self.y}"


def test_a_row_is_a_tuple_with_named_fields_and_defaults():
    point = Point(1)
    assert point == (1, 2)
    assert Point._fields == ("x", "y")
    assert point._replace(y=5)._asdict() == {"x": 1, "y": 5}


def test_a_row_keeps_its_own_methods_name_and_words():
    assert (Point(1).total, str(Point(1)), repr(Point(1))) == (
        3,
        "1:2",
        "Point(x=1, y=2)",
    )
    assert (Point.__module__, Point.__doc__) == (__name__, "A place in the plane.")


def test_a_row_can_be_matched_by_its_fields():
    match Point(3, 4):
        case Point(x=x, y=y):
            assert (x, y) == (3, 4)
