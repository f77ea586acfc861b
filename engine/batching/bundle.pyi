"""Operations on arrays in one call: engine/native/bundle.c, in a compiled install."""

from typing import Any

class Bundle:
    def __init__(self, operations: list[Any], /) -> None: ...
    def __call__(self) -> None: ...
