"""What every demo's pictures owe to whoever looks at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.image import imread

Run = Callable[..., tuple[str, Path]]  # of a demo's name and its options


def check_pictures(said: str, folder: Path, *names: str) -> None:
    """A demo has drawn these and no others, as SVG and PNG, and has said where they are.

    Each is large enough to be looked at; some of it is ink, and not all.
    """
    assert {path.stem for path in folder.glob("*.svg")} == {*names}
    for name in names:
        assert f"picture: {folder / name}.svg and .png\n" in said
        assert "</svg>" in (folder / f"{name}.svg").read_text(encoding="utf-8")
        pixels = imread(folder / f"{name}.png")[..., :3]
        assert min(pixels.shape[:2]) >= 400, name
        assert 0.005 < (pixels.min(axis=2) < 0.9).mean() < 0.9, name
