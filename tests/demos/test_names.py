"""The GPT computes what its formulas say, learns names the same in both ways, and invents some."""

from __future__ import annotations

import gzip
import math
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import engine
from demos import names as demo
from demos.names import END, TOKENS, guessing, invent, main, one_hot, train
from demos.parts.gpt import GPT, Array, Nodes, Programs, constants, rms_norm
from nn import Adam, names
from nn.data import DATASETS
from nn.datasets.make import make_names

from .checks import check_pictures

ORIGINAL = Path(__file__).resolve().parents[3] / "shared/data/names/names_2018.txt.gz"
RANDOM = np.random.RandomState(0)

needs_record = pytest.mark.skipif(
    not hasattr(engine, "record"), reason="this engine cannot record yet"
)


def small(seed: int = 1, deviation: float = 0.5) -> GPT:
    """A model that is large enough to be wrong: widths that differ, numbers that are not small."""
    return GPT(vocabulary=5, block=6, width=6, heads=3, deviation=deviation, seed=seed)


def rows(*tokens: int) -> Array:
    return np.array([[float(token == k) for k in range(5)] for token in tokens])


def scores(model: GPT, *tokens: int) -> Array:
    found = model.logits(rows(*tokens).tolist())
    return np.array([[each.data for each in row] for row in found])


# --- the model ---


def in_numpy(model: GPT, flat: Array, document: Array) -> tuple[Array, float]:
    """Scores and loss by whole matrices, with a mask where the Values have shorter sums."""
    w: dict[str, NDArray[Any]] = {}
    start = 0
    for name, tensor in model.state_dict().items():
        w[name] = flat[start : start + tensor.size].reshape(tensor.shape)
        start += tensor.size
    assert start == len(flat)

    def norm(x: Array) -> Any:
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)

    tokens, following = document[:-1], document[1:]
    n, width = len(tokens), len(w["query"])
    x = tokens @ w["embedding"].T + w["places"][:n]
    q, k, v = (norm(x) @ w[name].T for name in ("query", "key", "value"))
    size = width // model.heads
    mask = np.triu(np.full((n, n), -np.inf), 1)
    gathered = []
    for h in range(model.heads):
        part = slice(h * size, (h + 1) * size)
        e = np.exp(q[:, part] @ k[:, part].T / math.sqrt(size) + mask)
        gathered.append(e / e.sum(axis=1, keepdims=True) @ v[:, part])
    x = x + np.hstack(gathered) @ w["output"].T
    x = x + np.maximum(norm(x) @ w["widen"].T, 0) @ w["narrow"].T
    logits: Array = norm(x) @ w["unembedding"].T
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return logits, float(-np.log((shares * following).sum(axis=1)).mean())


def test_it_computes_what_matrices_do() -> None:
    model, document = small(), rows(0, 3, 1, 4, 4, 0)
    flat = np.array([p.data for p in model.parameters()])
    logits, loss = in_numpy(model, flat, document)
    assert np.abs(logits).max() > 1
    assert scores(model, 0, 3, 1, 4, 4) == pytest.approx(logits, rel=0, abs=1e-12)
    assert model.loss(document.tolist()).data == pytest.approx(loss, rel=1e-13)


def test_its_gradient_is_the_slope_of_the_loss() -> None:
    """Along random directions, by central differences of the matrices' loss."""
    model, document = small(), rows(0, 2, 2, 1, 0)
    model.loss(document.tolist()).backward()
    flat = np.array([p.data for p in model.parameters()])
    gradient = np.array([p.grad for p in model.parameters()])
    for _ in range(5):
        step = 1e-5 * RANDOM.normal(size=len(flat))
        ahead, behind = (in_numpy(model, flat + s, document)[1] for s in (step, -step))
        assert 2 * gradient @ step == pytest.approx(ahead - behind, rel=1e-5, abs=1e-12)


def test_it_never_looks_ahead() -> None:
    before, changed = scores(small(), 0, 1, 2, 3, 4), scores(small(), 0, 1, 2, 4, 4)
    assert np.array_equal(before[:3], changed[:3])
    assert not np.isclose(before[3:], changed[3:]).any()


def test_attention_is_shared_out_among_the_positions_up_to_its_own() -> None:
    model = small()
    stream = model.embed(constants(rows(4, 0, 3, 3)))
    heads = model.attention([rms_norm(x) for x in stream])
    assert len(heads) == 3
    shares = [[[share.data for share in row] for row in head] for head in heads]
    for head in shares:
        assert [len(row) for row in head] == [1, 2, 3, 4]
        assert [sum(row) for row in head] == pytest.approx([1.0] * 4)
    assert shares[0][3] != pytest.approx(shares[1][3], abs=0.01)  # each head has its own


def test_chances_at_a_temperature() -> None:
    model = small()
    logits = scores(model, 0, 1)
    for temperature in (0.5, 1.0, 3.0):
        powers = np.exp(logits / temperature)
        found = model.chances(rows(0, 1).tolist(), temperature)
        assert np.array([[p.data for p in row] for row in found]) == pytest.approx(
            powers / powers.sum(axis=1, keepdims=True), rel=1e-12
        )


@pytest.mark.parametrize("length", [0, 7])
def test_a_text_that_does_not_fit(length: int) -> None:
    with pytest.raises(ValueError, match=f"sees from 1 to 6 tokens, but got {length}: cut"):
        small().logits(rows(*[1] * length).tolist())


def test_it_has_the_size_of_microgpt_and_starts_by_guessing() -> None:
    model = GPT(27, 16, seed=3)
    assert len(model.parameters()) == 4192
    assert model.loss(one_hot(".anna.").tolist()).data == pytest.approx(math.log(27), rel=0.1)
    again, other = GPT(27, 16, seed=3), GPT(27, 16, seed=4)
    assert [p.data for p in again.parameters()] == [p.data for p in model.parameters()]
    assert again.parameters()[0].data != other.parameters()[0].data


# --- learning ---


def learner(kind: type[Nodes], seed: int = 0) -> Nodes:
    model = GPT(len(TOKENS), 16, seed=seed)
    return kind(model, Adam(model.parameters(), lr=0.1, betas=demo.BETAS))


def test_it_learns_a_name_by_heart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "RATE", 0.02)
    way = learner(Nodes)
    losses = train(way, ["otto"] * 40)
    assert losses[0] > 3
    assert losses[-1] < 0.1
    assert way.optimizer.lr == pytest.approx(0.02 / 40)  # it has fallen, to 0 in one more
    said = capsys.readouterr().out
    assert re.match(r"  step     1   mean loss of up to 100 names [34]\.\d{3}\n", said)
    assert "40 steps in" in said
    assert invent(way, 2, random.Random(0)) == ["otto", "otto"]


@needs_record
def test_programs_learn_the_same_as_nodes() -> None:
    texts = ["otto", "ada", "anna", "isabella", "bob", "liam", "noa", "ottilie"] * 3
    eager, replayed = learner(Nodes), learner(Programs)
    assert train(replayed, texts) == pytest.approx(train(eager, texts), rel=0, abs=1e-9)
    numbers = [[p.data for p in way.optimizer.parameters] for way in (replayed, eager)]
    assert numbers[0] == pytest.approx(numbers[1], rel=0, abs=1e-9)


@needs_record
def test_programs_foretell_the_same_as_nodes() -> None:
    eager, replayed = learner(Nodes), learner(Programs)
    for way in (eager, replayed):  # asked before and after learning: it is seen
        invent(way, 1, random.Random(0))
        train(way, ["ada", "bob"])
    contexts = np.array([one_hot(text.ljust(16, END)) for text in (".ad", ".bo", ".zz")])
    expected = eager.chances(contexts, 2, 0.5)
    assert expected.shape == (3, 27)
    assert expected.sum(axis=1) == pytest.approx(np.ones(3))
    assert replayed.chances(contexts, 2, 0.5) == pytest.approx(expected, rel=0, abs=1e-12)


# --- inventing ---


class Spelling(Nodes):
    """Knows what comes next: the words that it was given, a row each."""

    def __init__(self, *words: str) -> None:
        self.words, self.seen = words, list[list[str]]()

    def chances(self, contexts: Array, position: int, temperature: float) -> Array:
        places = contexts[:, : position + 1].argmax(axis=2)
        self.seen.append(["".join(TOKENS[k] for k in row) for row in places])
        return np.array([one_hot(word[position])[0] for word in self.words])


def test_names_are_spelt_until_all_have_ended() -> None:
    way = Spelling("bo.xx", "anna.", ".....")
    assert invent(way, 3, random.Random(0)) == ["bo", "anna", ""]
    assert [row[1] for row in way.seen] == [".", ".a", ".an", ".ann", ".anna"]


def test_a_name_without_an_end_is_cut() -> None:
    assert invent(Spelling("a" * 30), 1, random.Random(0)) == ["a" * 16]


def test_letters_are_drawn_by_their_probabilities() -> None:
    class Coin(Spelling):
        def chances(self, contexts: Array, position: int, temperature: float) -> Array:
            row = 0.75 * one_hot("a")[0] + 0.25 * one_hot("b")[0]
            return np.tile(row if position == 0 else one_hot(END)[0], (len(contexts), 1))

    found = invent(Coin(), 400, random.Random(0))
    assert set(found) == {"a", "b"}
    assert 260 <= found.count("a") <= 340  # 300, and more than four deviations to either side


# --- guessing by counts ---


def test_guessing_by_counts() -> None:
    assert guessing(["ab"], before=0) == pytest.approx(math.log(3))
    assert guessing(["ab"], before=1) == 0
    # In aa and a: an a begins both, and is followed by an a once, by the end twice.
    expected = [(math.log(3) + math.log(3 / 2)) / 3, math.log(3 / 2) / 2]
    assert guessing(["aa", "a"], before=1) == pytest.approx(np.mean(expected))


def test_the_lines_in_the_picture() -> None:
    """Knowing more is guessing better."""
    common, follow = (guessing(names(), before) for before in (0, 1))
    assert math.log(27) > common > follow
    assert (common, follow) == pytest.approx((2.82, 2.41), abs=0.01)


# --- the bundled names ---


def test_names_are_what_they_say() -> None:
    found = names()
    assert len(found) == len(set(found)) == 4000
    assert found[:6] == ["emma", "liam", "olivia", "noah", "ava", "william"]
    assert all(re.fullmatch("[a-z]{2,11}", name) for name in found)


def test_names_can_be_made_anew(tmp_path: Path) -> None:
    if not ORIGINAL.is_file():
        pytest.skip("the original list is not at ../shared/data/names")
    make_names(ORIGINAL, tmp_path)
    fresh, bundled = ((folder / "names.txt.gz").read_bytes() for folder in (tmp_path, DATASETS))
    assert gzip.decompress(fresh) == gzip.decompress(bundled)


# --- the command ---


@pytest.mark.parametrize(
    "words", [["--eager"], pytest.param([], marks=needs_record)], ids=["eager", "programs"]
)
def test_the_command_learns_invents_and_draws(
    words: Sequence[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "INVENTED", 4)
    main([*words, "--steps", "3", "--seed", "5", "--out", str(tmp_path)])
    text = capsys.readouterr().out
    assert "GPT, 4,192 parameters, on 4,000 names" in text
    assert "3 steps in" in text
    assert re.search(r"in the list already: \d of 4", text)
    check_pictures(text, tmp_path, "names")


@pytest.mark.parametrize("steps", ["0", "-3", "2.5", "many"])
def test_steps_are_counted_from_one(
    steps: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--steps", steps, "--out", str(tmp_path)])
    assert f"invalid count value: '{steps}'" in capsys.readouterr().err


def test_the_picture_has_the_attention_of_each_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ATTENDED", "bob")
    model = GPT(len(TOKENS), 16, seed=0)
    figure = demo.picture(model, [3.0, 2.5], ["ab", "cd"])
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == [f"head {k}" for k in (1, 2, 3, 4)]
    heads = model.attention([rms_norm(x) for x in model.embed(constants(one_hot(".bob")))])
    for axes, rows in zip(panels, heads, strict=True):
        drawn: Array = np.ma.filled(np.ma.asarray(axes.images[0].get_array()), np.nan)
        expected = [[s.data for s in row] + [np.nan] * (4 - len(row)) for row in rows]
        np.testing.assert_allclose(drawn, expected)
        assert [label.get_text() for label in axes.get_xticklabels()] == [".", "b", "o", "b"]
    assert [label.get_text() for label in panels[0].get_yticklabels()][1] == "b → o"
