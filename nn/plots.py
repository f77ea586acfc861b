"""Pictures of training. They need matplotlib, which is loaded when the first one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE_WIDTH: Final = 56  # characters that fit above a panel


def pyplot() -> Any:
    """matplotlib's pyplot.

    Raises:
        ModuleNotFoundError: if it is not installed; it says how to get it.
    """
    try:
        import matplotlib.pyplot
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"a picture needs matplotlib ({error}): pip install 'chainrule[plot]'", name=error.name
        ) from None
    return matplotlib.pyplot


def curves(columns: Mapping[str, Sequence[float]], title: str = "") -> Figure:
    """Loss and accuracy over the epochs, each with that of the validation data where there is one.

    Args:
        columns: numbers per epoch: "epoch", "loss", and what else there is of "accuracy",
            "validation_loss" and "validation_accuracy".
        title: what stands above.

    Returns:
        The figure: `.savefig("loss.png")` writes it, `matplotlib.pyplot.show()` shows it.
    """
    plt = pyplot()
    quantities = [name for name in ("loss", "accuracy") if name in columns]
    marker = "o" if len(columns["epoch"]) == 1 else ""  # a line through one point is not seen
    figure, axes = plt.subplots(
        1, len(quantities), squeeze=False, figsize=(5 * len(quantities), 4), layout="constrained"
    )
    for axis, quantity in zip(axes[0], quantities, strict=True):
        for name, style in ((quantity, "-"), (f"validation_{quantity}", "--")):
            if name in columns:
                label = "validation" if name != quantity else "training"
                axis.plot(columns["epoch"], columns[name], style + marker, label=label)
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if len(axis.lines) > 1:
            axis.legend()
    figure.suptitle(fill(title, TITLE_WIDTH * len(quantities)), fontsize="medium")
    if "inline" in plt.get_backend():
        plt.close(figure)  # a notebook shows what a cell returns, and open figures once more
    return figure  # type: ignore[no-any-return]
