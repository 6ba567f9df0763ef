"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def items(page: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[Any]:
    """All items of a list, page by page, as they are asked for.

    ``for event in items(CatalogApi(client).list_events): …``
    """
    cursor = options.pop("cursor", None)
    while True:
        found = page(*arguments, **options, cursor=cursor)
        yield from found.items
        cursor = found.next
        if cursor is None:
            return
