"""Text in columns."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as lines: the first column begins where it begins, the others end where they end.

    >>> print(table([("", "ms"), ("dis", "7.5"), ("zero", "10")]))
           ms
    dis   7.5
    zero   10
    """
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join("  ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]).rstrip() for row in rows)
