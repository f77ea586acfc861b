"""Files: what PyTorch reads and writes, what is damaged, and that nothing is ever half done."""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn import storage
from nn.activations import ACTIVATIONS, Activation
from nn.layers import Dropout, Layer, Neuron
from nn.module import Module
from nn.networks import MLP, Sequential

X = [0.5, -1.5]


def numbers(model: Module) -> list[float]:
    return [p.data for p in model.parameters()]


def random_model(**options: Any) -> MLP:
    return MLP(2, [4, 3, 2], **{"activation": "tanh", "init": "nielsen", "seed": 3, **options})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def raw(tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> bytes:
    """A safetensors file written by hand: a length, a header, the numbers."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for name, given in tensors.items():
        array = np.asarray(given)
        kind = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64"}[array.dtype.str[1:]]
        end = len(body) + array.nbytes
        header[name] = {
            "dtype": kind, "shape": list(array.shape), "data_offsets": [len(body), end],
        }  # fmt: skip
        body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


MODELS: dict[str, Callable[[], Sequential]] = {
    **{name: partial(random_model, activation=name) for name in ACTIVATIONS},
    "softmax output": lambda: random_model(output="softmax"),
    "one layer": lambda: MLP(2, [1], activation="gelu"),
    "sequential": lambda: Sequential(
        Layer(2, 3, "relu"), Dropout(0.25), Sequential(Layer(3, 2), "tanh"), Neuron(2, "sigmoid")
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back(name: str, path: Path) -> None:
    model = MODELS[name]()
    model.save(path)
    random.seed(4)
    state = random.getstate()
    again = type(model).load(path)
    assert random.getstate() == state, "loading draws nothing"
    assert repr(again) == repr(model)
    assert again.architecture() == model.architecture()
    assert numbers(again) == numbers(model)
    assert str(again.eval()(X)) == str(model.eval()(X))


def test_sequential_loads_an_mlp_too_and_paths_may_be_text(path: Path) -> None:
    random_model().save(str(path))
    assert type(Sequential.load(str(path))) is MLP


def test_names_shapes_and_metadata(path: Path) -> None:
    """Read with no library but json."""
    random_model().save(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert json.loads(header.pop("__metadata__")["chainrule"]) == {
        "format": 1, "class": "MLP", "n_in": 2, "sizes": [4, 3, 2],
        "activation": "tanh", "output": "linear",
    }  # fmt: skip
    assert {name: (each["dtype"], each["shape"]) for name, each in header.items()} == {
        "0.weight": ("F64", [4, 2]), "0.bias": ("F64", [4]),
        "2.weight": ("F64", [3, 4]), "2.bias": ("F64", [3]),
        "4.weight": ("F64", [2, 3]), "4.bias": ("F64", [2]),
    }  # fmt: skip


# --- PyTorch ---


@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_torch_loads_ours(path: Path, activation: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from safetensors.torch import load_file

    model = random_model(activation=activation)
    model.save(path)
    linear = [torch.nn.Linear(a, b) for a, b in ((2, 4), (4, 3), (3, 2))]
    between = [torch.nn.ReLU()] * (activation == "relu")
    theirs = torch.nn.Sequential(linear[0], *between, linear[1], *between, linear[2]).double()
    theirs.load_state_dict(load_file(path))
    expected = theirs(torch.tensor(X, dtype=torch.float64)).tolist()
    assert [y.data for y in model(X)] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("dropout", [False, True])
def test_ours_loads_torchs(path: Path, kind: str, dropout: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from safetensors.torch import save_file

    torch.manual_seed(1)
    between = [torch.nn.Tanh(), *([torch.nn.Dropout(0.5)] * dropout)]
    layers = [torch.nn.Linear(2, 4), *between, torch.nn.Linear(4, 3), *between]
    layers += [torch.nn.Linear(3, 2), torch.nn.Softmax(dim=-1)]
    theirs = torch.nn.Sequential(*layers).to(getattr(torch, kind)).eval()
    save_file(theirs.state_dict(), path)
    ours = MLP.load(path, activation="tanh", output="softmax")
    assert repr(ours) == "MLP 2 → 4 tanh → 3 tanh → 2 softmax, 35 parameters"
    expected = theirs.double()(torch.tensor(X, dtype=torch.float64)).tolist()
    assert [y.data for y in ours(X)] == pytest.approx(expected, rel=1e-12)
    if not dropout:
        model = random_model(output="softmax")
        model.load_weights(path)
        assert numbers(model) == numbers(ours)
        model = random_model()
        model.load_state_dict(theirs.state_dict())
        assert numbers(model) == numbers(ours)


def test_a_foreign_file_needs_its_activations(path: Path) -> None:
    path.write_bytes(raw({"0.weight": np.ones((1, 2)), "0.bias": np.zeros(1)}))
    with pytest.raises(ValueError, match=r"write MLP.load\(.*, activation=..., output=...\)"):
        MLP.load(path)
    with pytest.raises(ValueError, match=r"write MLP.load\([^,]*, output=...\)"):
        MLP.load(path, activation="relu")
    with pytest.raises(ValueError, match=r"write MLP.load\(path, activation=..., output=...\), or"):
        Sequential.load(path)
    assert MLP.load(path, activation=lambda z: z, output="linear")([2.0, 3.0]).data == 5.0
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        MLP.load(path, activation="rleu", output="linear")


two, three = np.ones((2, 2)), np.ones((3, 3))
FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({}, "it is empty"),
    "names": ({"fc1.weight": two}, "fc1.weight is no weight or bias of a layer: 0.weight, 0.bias"),
    "kinds": ({"0.running_mean": two}, "0.running_mean is no weight or bias"),
    "convolution": ({"0.weight": np.ones((2, 1, 3, 3))}, r"0.weight is of shape \(2, 1, 3, 3\)"),
    "lone bias": ({"0.bias": np.ones(2)}, "0.weight is missing"),
    "chain": ({"0.weight": two, "2.weight": three}, "2.weight takes 3 inputs, but 0.weight gives"),
    "no activation": ({"0.weight": two, "1.weight": two}, "activation='linear', if that is meant"),
    "no bias": ({"0.weight": two}, "lacks 0.bias"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_that_are_no_mlp(path: Path, name: str) -> None:
    tensors, words = FOREIGN[name]
    path.write_bytes(raw(tensors, {"format": "pt"}))
    with pytest.raises(ValueError, match=words):
        MLP.load(path, activation="relu", output="linear")


def test_layers_are_in_the_order_of_their_numbers(path: Path) -> None:
    """Not in that of the file, where 16 comes before 2, nor in that of a set, where 16 is first."""
    sizes = {2: (2, 3), 16: (3, 5), 33: (5, 1)}
    tensors = {f"{k}.weight": np.full((b, a), float(k)) for k, (a, b) in sizes.items()}
    biases = {f"{k}.bias": np.full(b, k / 2) for k, (_, b) in sizes.items()}
    path.write_bytes(raw(tensors | biases))
    model = MLP.load(path, activation="relu", output="linear")
    assert repr(model) == "MLP 2 → 3 relu → 5 relu → 1 linear, 35 parameters"
    assert [(a[0, 0], b[0]) for a, b in zip(*[iter(model.state_dict().values())] * 2)] == [  # noqa: B905
        (2, 1), (16, 8), (33, 16.5),
    ]  # fmt: skip


# --- damaged and mismatched ---


def metadata(**architecture: Any) -> bytes:
    tensors = {"0.weight": np.ones((1, 2)), "0.bias": np.ones(1)}
    return raw(tensors, {"chainrule": json.dumps({"format": 1, **architecture})})


def whole() -> bytes:
    return metadata(**{"class": "MLP", "n_in": 2, "sizes": [1]})


def layers(**one: Any) -> bytes:
    return metadata(**{"class": "Sequential", "layers": [one]})


deep: dict[str, Any] = {"class": "Dropout", "p": 0.5}
for _ in range(100):
    deep = {"class": "Sequential", "layers": [deep]}

DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no safetensors file"),
    "truncated header": (whole()[:40], "no safetensors file"),
    "truncated numbers": (whole()[:-1], "or not a whole one"),
    "too long": (whole() + b"x", "or not a whole one"),
    "pickle": (b"\x80\x04cposix\nsystem\n(S'true'\ntR.", "no safetensors file"),
    "zip": (b"PK\x03\x04" + bytes(100), "no safetensors file"),
    "text": (b"hello, world", "no safetensors file"),
    "not JSON": (raw({}, {"chainrule": "{"}), "does not say how its model is built"),
    "a list": (raw({}, {"chainrule": "[1]"}), "does not say how its model is built"),
    "deeply nested": (raw({}, {"chainrule": "[" * 99999}), "does not say how its model is built"),
    "no format": (raw({}, {"chainrule": "{}"}), "does not say how its model is built"),
    "later": (raw({}, {"chainrule": '{"format": 2}'}), "written by a later chainrule.*format 2"),
    "no class": (metadata(), "does not say how its model is built"),
    "unknown class": (metadata(**{"class": "os.system"}), "only its own code can build a os.sys"),
    "no sizes": (metadata(**{"class": "MLP", "n_in": 2}), "does not say how its model is built"),
    "odd sizes": (metadata(**{"class": "MLP", "n_in": 2, "sizes": 7}), "does not say how"),
    "negative": (metadata(**{"class": "MLP", "n_in": 2, "sizes": [-1]}), "1 at least"),
    "activation": (metadata(**{"class": "MLP", "n_in": 2, "sizes": [1], "output": "x"}), "'x'"),
    "extra": (metadata(**{"class": "MLP", "n_in": 2, "sizes": [1], "x": 1}), "does not say how"),
    "huge": (metadata(**{"class": "MLP", "n_in": 2, "sizes": [10**12]}), "do not suffice"),
    "huge layer": (
        layers(**{"class": "Layer", "n_in": 9, "n_out": 10**12}), "do not suffice"
    ),
    "other sizes": (
        metadata(**{"class": "MLP", "n_in": 1, "sizes": [1]}), r"0.weight has shape \(1, 2\)"
    ),
    "other names": (
        layers(**{"class": "Dropout", "p": 0.5}), "is not in the model|holds no"
    ),
    "nested": (metadata(**deep), "is not in the model|holds no"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("load", [MLP.load, Sequential.load])
def test_damaged_files(path: Path, name: str, load: Callable[[Path], object]) -> None:
    content, words = DAMAGED[name]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_cannot_be_loaded_leaves_the_model_as_it_was(path: Path, name: str) -> None:
    path.write_bytes(DAMAGED[name][0])
    model = MLP(1, [1], seed=1)
    before = numbers(model)
    with pytest.raises(ValueError):
        model.load_weights(path)
    assert numbers(model) == before


def test_every_truncation_is_noticed(path: Path) -> None:
    random_model().save(path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(
            ValueError, match="no safetensors file of plain numbers, or not a whole"
        ):
            MLP.load(path)


def test_weights_of_another_network(path: Path) -> None:
    random_model().save(path)
    for other in (random_model(activation="relu"), MLP(2, [1]), Sequential(Layer(2, 1))):
        before = numbers(other)
        with pytest.raises(ValueError, match=r"holds another model than .*MLP.load\(path\)"):
            other.load_weights(path)
        assert numbers(other) == before
    same = random_model(seed=8)
    same.load_weights(path)
    assert numbers(same) == numbers(random_model())


def test_what_was_saved_cannot_be_renamed(path: Path) -> None:
    random_model().save(path)
    assert MLP.load(path, activation="tanh", output="linear").output_activation == "linear"
    with pytest.raises(ValueError, match="was saved with activation='tanh', but activation='relu'"):
        MLP.load(path, activation="relu")


def test_the_wrong_class(path: Path) -> None:
    Sequential(Layer(2, 1)).save(path)
    for given in ({}, {"activation": "relu", "output": "linear"}):
        with pytest.raises(ValueError, match=r"holds no MLP: write Sequential.load\(path\)"):
            MLP.load(path, **given)


def test_a_module_of_ones_own_saves_its_weights(path: Path) -> None:
    class Mine(Sequential):
        pass

    model = Mine(Layer(2, 1, seed=1))
    model.save(path)
    with pytest.raises(ValueError, match=r"can build a Mine: .*model.load_weights\(path\)"):
        Sequential.load(path)
    again = Mine(Layer(2, 1, seed=2))
    again.load_weights(path)
    assert numbers(again) == numbers(model)


def test_numbers_of_another_kind(path: Path) -> None:
    half, whole = np.ones((1, 2), np.float16), np.ones(1, np.int64)
    path.write_bytes(raw({"0.weight": half, "0.bias": whole}))
    assert MLP.load(path, activation="relu", output="linear")([1.0, 2.0]).data == 4.0
    content = raw({"0.weight": half, "0.bias": np.ones(1, np.float16)})
    path.write_bytes(content.replace(b'"F16"', b'"BF16"'))
    with pytest.raises(ValueError, match="no safetensors file of plain numbers"):
        MLP.load(path, activation="relu", output="linear")


# --- activations of one's own ---


def test_a_function_has_no_name_in_a_file(path: Path) -> None:
    for model in (random_model(activation=lambda z: z), Sequential(Layer(2, 1), lambda z: z)):
        with pytest.raises(TypeError, match=r"<lambda> is a function of your own.*state_dict"):
            model.save(path)
        assert not path.exists()


def test_unless_it_is_given_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "mine", Activation("mine", lambda z: z * z))
    model = random_model(activation="mine")
    model.save(path)
    assert str(MLP.load(path)(X)) == str(model(X))


# --- writing ---


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"the model cannot be saved: there is no such folder, .*gone"
    ):
        random_model().save(tmp_path / "gone" / "model.safetensors")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file" / "model"):
        with pytest.raises(OSError, match="the model cannot be saved: "):
            random_model().save(place)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MLP.load(tmp_path / "gone")
    with pytest.raises(OSError):
        MLP.load(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_model().save(path)
    before = path.read_bytes()

    def fail(*given: object) -> None:
        assert path.read_bytes() == before
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(PermissionError, match=r"cannot be saved.*Permission denied"):
        MLP(2, [1]).save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_numbers_reach_the_disk_before_the_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def noted(name: str) -> Callable[..., object]:
        real = getattr(os, name)
        return lambda *given: steps.append(name) or real(*given)  # type: ignore[func-returns-value]

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    random_model().save(path)
    assert steps == ["fsync", "replace"]
    assert list(path.parent.iterdir()) == [path]


def test_a_file_has_the_usual_rights(path: Path) -> None:
    random_model().save(path)
    (path.parent / "plain").write_text("x")
    assert path.stat().st_mode == (path.parent / "plain").stat().st_mode


def test_read_gives_tensors_and_architecture(path: Path) -> None:
    path.write_bytes(raw({"w": np.array([1.0, 2.0])}))
    tensors, architecture = storage.read(path)
    assert architecture is None
    assert tensors["w"].tolist() == [1.0, 2.0]
