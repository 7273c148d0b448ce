"""Items of a stream with those next to them, and some of them ahead."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def with_neighbours(items: Iterable[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Yield each with the one before and the one after it; None beyond either end.

    >>> list(with_neighbours("abc"))
    [(None, 'a', 'b'), ('a', 'b', 'c'), ('b', 'c', None)]
    """
    before: T | None = None
    here: T | None = None
    for after in items:
        if here is not None:
            yield before, here, after
            before = here
        here = after
    if here is not None:
        yield before, here, None


def ahead(items: Iterator[T], count: int) -> Iterator[T]:
    """Yield them, so many taken ahead.

    >>> taken = iter("abcd")
    >>> next(ahead(taken, 2)), next(taken)
    ('a', 'd')
    """
    waiting = deque(islice(items, count))
    for item in items:
        waiting.append(item)
        yield waiting.popleft()
    yield from waiting
