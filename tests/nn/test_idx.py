"""MNIST from files, from the network with all its mishaps, and from what is bundled."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nn import download
from nn import idx as module
from nn.data import DATASETS
from nn.datasets.make import idx, make
from nn.idx import MNIST, mnist, read_idx

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_originals = pytest.mark.skipif(
    not (SHARED / "mnist").is_dir(), reason="the original MNIST is not at ../shared/data/mnist"
)

RANDOM = np.random.RandomState(0)
ARRAYS: dict[str, NDArray[np.uint8]] = dict(
    zip(
        module.FILES,
        [
            RANDOM.randint(0, 256, (40, 5, 6)).astype(np.uint8),
            RANDOM.randint(0, 10, 40).astype(np.uint8),
            RANDOM.randint(0, 256, (9, 5, 6)).astype(np.uint8),
            RANDOM.randint(0, 10, 9).astype(np.uint8),
        ],
        strict=True,
    )
)
RAW = {name: idx(array) for name, array in ARRAYS.items()}
PACKED = {f"{name}.gz": gzip.compress(raw, mtime=0) for name, raw in RAW.items()}
FIRST = "train-images-idx3-ubyte.gz"
GOOD = PACKED[FIRST]


class Mirror:
    """A web server that can go wrong as asked: `mishaps[name]` is what becomes of the next answers.

    A mishap is a function of the request's handler and the whole content of the file.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)
        self.mishaps: dict[str, list[Callable[[Any, bytes], None]]] = {}
        self.asked: list[tuple[str, str | None]] = []  # the file and the Range
        self.ranges = True
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name, wanted = handler.path[1:], handler.headers["Range"]
        self.asked.append((name, wanted))
        content = self.files.get(name)
        if self.mishaps.get(name):
            self.mishaps[name].pop(0)(handler, content or b"")
            return
        start = int(re.sub(r"\D", "", wanted)) if wanted and self.ranges else 0
        if content is None:
            reply(handler, 404, b"no such file")
        elif start and start >= len(content):
            reply(handler, 416, b"")
        else:
            reply(handler, 206 if start else 200, content[start:])

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def reply(handler: Any, status: int, body: bytes, promised: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if promised is None else promised))
    handler.end_headers()
    handler.wfile.write(body)


def dies_after(count: int) -> Callable[[Any, bytes], None]:
    """The connection ends after so many bytes of the whole file."""
    return lambda handler, content: reply(handler, 200, content[:count], promised=len(content))


def sends(body: bytes, status: int = 200) -> Callable[[Any, bytes], None]:
    return lambda handler, _: reply(handler, status, body)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, small files in place of MNIST's, and no proxy on the way to ourselves."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    sums = {name: hashlib.md5(raw).hexdigest() for name, raw in RAW.items()}
    monkeypatch.setattr(module, "FILES", sums)
    monkeypatch.setattr(module, "MIRRORS", [])
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def mirrors(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Mirror]]:
    """Two servers on this machine, in the place of the real ones."""
    both = [Mirror(PACKED), Mirror(PACKED)]
    monkeypatch.setattr(module, "MIRRORS", [mirror.url for mirror in both])
    yield both
    for mirror in both:
        mirror.close()


def is_right(data: MNIST) -> bool:
    parts: list[NDArray[Any]] = [
        data.train_pixels,
        data.train_labels,
        data.test_pixels,
        data.test_labels,
    ]
    shapes = [(40, 30), (40,), (9, 30), (9,)]
    return [part.shape for part in parts] == shapes and all(
        np.array_equal(part.ravel(), array.ravel())
        for part, array in zip(parts, ARRAYS.values(), strict=True)
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_downloads_once_and_then_needs_no_network(cache: Path, mirrors: list[Mirror]) -> None:
    assert is_right(mnist())
    assert mirrors[0].asked == [(name, None) for name in PACKED]
    assert mirrors[1].asked == []
    assert files(cache) == PACKED
    mirrors[0].asked.clear()
    assert is_right(mnist())
    assert mirrors[0].asked == []


def test_a_dead_connection_is_resumed_by_the_next_mirror(
    cache: Path, mirrors: list[Mirror]
) -> None:
    mirrors[0].mishaps[FIRST] = [dies_after(100)]
    assert is_right(mnist())
    assert mirrors[1].asked == [(FIRST, "bytes=100-")]
    assert files(cache) == PACKED


def test_what_has_come_is_kept_for_the_next_call(cache: Path, mirrors: list[Mirror]) -> None:
    mirrors[0].mishaps[FIRST] = [dies_after(100)]
    mirrors[1].mishaps[FIRST] = [sends(b"too busy", 503)]
    with pytest.raises(ConnectionError, match=r"ended after 100 of .* bytes.*503") as caught:
        mnist()
    assert "the next call goes on from there" in str(caught.value)
    assert files(cache) == {f"{FIRST}.part": GOOD[:100]}
    mirrors[0].asked.clear()
    assert is_right(mnist())
    assert mirrors[0].asked[0] == (FIRST, "bytes=100-")
    assert files(cache) == PACKED


def test_an_interrupt_leaves_a_part_that_is_resumed(
    cache: Path, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Any, target: Any) -> None:
        target.write(source.read(50))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mnist()
    assert files(cache) == {f"{FIRST}.part": GOOD[:50]}
    assert is_right(mnist())
    assert (FIRST, "bytes=50-") in mirrors[0].asked


def test_a_server_that_knows_no_ranges_sends_all_of_it(cache: Path, mirrors: list[Mirror]) -> None:
    cache.mkdir(parents=True)
    (cache / f"{FIRST}.part").write_bytes(GOOD[:77])
    mirrors[0].ranges = False
    assert is_right(mnist())
    assert [wanted for name, wanted in mirrors[0].asked if name == FIRST] == ["bytes=77-"]
    assert files(cache) == PACKED


@pytest.mark.parametrize("part", [b"?" * 60, GOOD + b"more", b"?" * len(GOOD)], ids=len)
def test_a_part_that_does_not_fit_is_begun_anew(
    cache: Path, mirrors: list[Mirror], part: bytes
) -> None:
    """As when another mirror has packed the same file into other bytes."""
    cache.mkdir(parents=True)
    (cache / f"{FIRST}.part").write_bytes(part)
    assert is_right(mnist())
    assert mirrors[0].asked[:2] == [(FIRST, f"bytes={len(part)}-"), (FIRST, None)]
    assert files(cache) == PACKED


def test_a_part_that_was_complete_is_taken(cache: Path, mirrors: list[Mirror]) -> None:
    cache.mkdir(parents=True)
    (cache / f"{FIRST}.part").write_bytes(GOOD)
    assert is_right(mnist())
    assert [name for name, _ in mirrors[0].asked] == list(PACKED)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (gzip.compress(b"something else"), "not the file that was expected .its md5 is"),
        (b"<html>Please log in to this network</html>", "not the file that was expected"),
        (GOOD[:-20], "damaged"),
        (GOOD[:200] + b"!" + GOOD[201:], "damaged|not the file"),
        (b"", "not the file that was expected"),
    ],
    ids=["foreign", "portal", "truncated", "corrupted", "empty"],
)
def test_a_wrong_file_never_gets_its_final_name(
    cache: Path, mirrors: list[Mirror], body: bytes, words: str
) -> None:
    for mirror in mirrors:
        mirror.files[FIRST] = body
    with pytest.raises(ConnectionError, match=words):
        mnist()
    assert files(cache) == {}
    mirrors[1].files[FIRST] = GOOD
    assert is_right(mnist())


def test_the_final_name_comes_last(
    cache: Path, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the last byte and the move: no file, and the part is still there."""

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            mnist()
    assert files(cache) == {f"{FIRST}.part": GOOD}
    assert is_right(mnist())


@pytest.mark.parametrize("damage", [GOOD[:-9], b"", b"x" * 500, GOOD[:99] + b"!!" + GOOD[101:]])
def test_a_file_damaged_in_the_cache_is_downloaded_again(
    cache: Path, mirrors: list[Mirror], damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    mnist()
    (cache / FIRST).write_bytes(damage)
    mirrors[0].asked.clear()
    assert is_right(mnist())
    assert mirrors[0].asked == [(FIRST, None)]
    assert "it is downloaded again" in capsys.readouterr().err
    assert files(cache) == PACKED


def test_offline_says_what_to_do(cache: Path, mirrors: list[Mirror]) -> None:
    for mirror in mirrors:
        mirror.close()
    with pytest.raises(ConnectionError) as caught:
        mnist()
    message = str(caught.value)
    assert all(f"{mirror.url}{FIRST}: " in message for mirror in mirrors)
    assert "refused" in message
    assert "mnist(subset=True)" in message
    assert "mnist(folder)" in message


def test_without_a_mirror_nobody_is_asked(cache: Path) -> None:
    with pytest.raises(ConnectionError, match="there is no mirror to ask"):
        mnist()


def test_a_cache_that_cannot_be_made(cache: Path, mirrors: list[Mirror]) -> None:
    cache.parent.write_text("a file stands where the folder should be")
    with pytest.raises(OSError, match="set the environment variable CHAINRULE_CACHE to a folder"):
        mnist()
    assert mirrors[0].asked == []


def test_a_read_only_cache(
    cache: Path, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in it is read all the same; administrators ignore file modes, so open() refuses."""
    mnist()
    opened = Path.open

    def read_only(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", read_only)
    assert is_right(mnist())
    (cache / FIRST).unlink()
    mirrors[0].asked.clear()
    with pytest.raises(PermissionError, match=r"downloads cannot be kept here; set .*CHAINRULE"):
        mnist()
    assert mirrors[0].asked == []


@pytest.mark.parametrize(
    ("platform", "variable", "otherwise"),
    [
        ("linux", "XDG_CACHE_HOME", Path(".cache")),
        ("darwin", None, Path("Library", "Caches")),
        ("win32", "LOCALAPPDATA", Path("AppData", "Local")),
    ],
)
def test_where_the_cache_is(
    platform: str,
    variable: str | None,
    otherwise: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CHAINRULE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    assert download.cache_folder() == tmp_path / otherwise / "chainrule"
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
        assert download.cache_folder() == tmp_path / "elsewhere" / "chainrule"
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "mine"))
    assert download.cache_folder() == tmp_path / "mine"


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-idx", ".idx"])
def test_a_folder_is_read_in_every_spelling(tmp_path: Path, ending: str, dot: str) -> None:
    for name, raw in RAW.items():
        content = gzip.compress(raw) if ending else raw
        (tmp_path / f"{name.replace('-idx', dot)}{ending}").write_bytes(content)
    assert is_right(mnist(tmp_path))
    assert is_right(mnist(str(tmp_path)))


def test_content_tells_what_is_packed(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(GOOD)
    (tmp_path / "plain.gz").write_bytes(gzip.decompress(GOOD))
    assert np.array_equal(read_idx(tmp_path / "packed"), read_idx(tmp_path / "plain.gz"))


def test_what_is_missing_in_a_folder_is_named(tmp_path: Path) -> None:
    for name in list(RAW)[:2]:
        (tmp_path / name).write_bytes(RAW[name])
    with pytest.raises(FileNotFoundError) as caught:
        mnist(tmp_path)
    assert "no t10k-images-idx3-ubyte and no t10k-labels-idx1-ubyte (with" in str(caught.value)
    assert "train" not in str(caught.value).split("(with")[0].removeprefix(str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"no train-images.*write mnist\(\) to download them"
    ):
        mnist(tmp_path / "nowhere")


LABELS = RAW["train-labels-idx1-ubyte"]
WRONG = {
    "empty": (b"", "is no IDX file of bytes: it begins with nothing"),
    "text": (b"5,0,4,1", "is no IDX file of bytes: it begins with 35 2c 30 2c"),
    "floats": (bytes([0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0]), "it begins with 00 00 0d 01"),
    "magic alone": (LABELS[:3], "is no IDX file"),
    "half a header": (LABELS[:6], "it has 6 bytes, where its header promises 8 or more"),
    "no axes": (bytes([0, 0, 8, 0]), "damaged or cut short"),
    "cut": (LABELS[:-1], "it has 47 bytes, where its header promises 48"),
    "too long": (LABELS + b"\0", "it has 49 bytes, where its header promises 48"),
    "huge": (struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3), "it has 16 bytes, where"),
    "cut gzip": (gzip.compress(LABELS)[:-6], "is damaged: "),
    "gzip's name only": (b"\x1f\x8b", "is damaged: "),
    "corrupt gzip": (gzip.compress(LABELS)[:20] + b"!!!!" + gzip.compress(LABELS)[24:], "damaged"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, case: str) -> None:
    content, words = WRONG[case]
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path} is ")
    assert "get this file anew" in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({0: np.zeros((39, 5, 6))}, "train-images has 39 rows and train-labels has 40"),
        ({3: np.zeros(8)}, "t10k-images has 9 rows and t10k-labels has 8"),
        ({2: np.zeros((0, 5, 6)), 3: np.zeros(0)}, "t10k-images and t10k-labels are empty"),
        ({0: np.zeros(40)}, "train-images has the shape .40,. .* are the files mixed up"),
        ({1: np.zeros((40, 2))}, "train-labels .40, 2., where"),
        ({2: np.zeros((9, 6, 5))}, "train with are 5 x 6 and those to test with 6 x 5"),
    ],
)
def test_files_that_do_not_belong_together(
    tmp_path: Path, changed: dict[int, Any], words: str
) -> None:
    for k, (name, array) in enumerate(ARRAYS.items()):
        (tmp_path / name).write_bytes(idx(changed.get(k, array).astype(np.uint8)))
    with pytest.raises(ValueError, match=words):
        mnist(tmp_path)


def test_subset_comes_from_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"comes from no folder: write mnist\(subset=True\), or"):
        mnist(tmp_path, subset=True)


def test_the_bundled_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fetch", None)  # whoever goes to the network fails
    data = mnist(subset=True)
    assert data.train_pixels.shape == (6000, 784)
    assert data.test_pixels.shape == (1000, 784)
    assert np.bincount(data.train_labels).tolist() == [600] * 10
    assert np.bincount(data.test_labels).tolist() == [100] * 10
    assert data.train_labels.dtype == data.test_labels.dtype == np.int64
    assert np.bincount(data.train_labels[:200], minlength=10).min() > 5  # not class by class
    assert data.train_images.max() == 1.0
    assert data.train_images.mean() == pytest.approx(0.1307, abs=0.002)
    assert data.train_images.std() == pytest.approx(0.3081, abs=0.002)


def test_images_are_scaled_once_and_pixels_can_be_changed() -> None:
    data = mnist(subset=True)
    assert data.test_images.dtype == np.float64
    assert (data.test_images.min(), data.test_images.max()) == (0.0, 1.0)
    assert np.array_equal(data.test_images * 255, data.test_pixels)
    assert data.test_images is data.test_images
    data.test_pixels[0] = 0
    X, y, X_test, y_test = data
    assert X is data.train_images
    assert y is data.train_labels
    assert X_test is data.test_images
    assert y_test is data.test_labels


def test_bundled_files_are_small() -> None:
    bundled = [path for path in DATASETS.rglob("*") if path.suffix == ".gz"]
    assert len(bundled) == 6
    assert sum(path.stat().st_size for path in bundled) < 2_000_000


@needs_originals
def test_the_whole_of_mnist() -> None:
    data = mnist(SHARED / "mnist")
    assert repr(data) == "MNIST: 60,000 + 10,000 images of 784 pixels"
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    counts = np.bincount(data.train_pixels.ravel(), minlength=256) / data.train_pixels.size
    shades = np.arange(256) / 255  # the same as of train_images, without its 376 MB
    mean = (counts * shades).sum()
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert np.sqrt((counts * (shades - mean) ** 2).sum()) == pytest.approx(0.3081, abs=5e-5)
    assert data.train_pixels.nbytes + data.test_pixels.nbytes == 70_000 * 784


@needs_originals
def test_the_checksums_are_those_of_mnist() -> None:
    for name, md5 in module.FILES.items():
        content = gzip.decompress((SHARED / "mnist" / f"{name}.gz").read_bytes())
        assert hashlib.md5(content).hexdigest() == md5


@needs_originals
def test_bundled_files_can_be_made_anew(tmp_path: Path) -> None:
    make(SHARED / "mnist", SHARED / "digits_8x8.csv.gz", tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.gz"))
    assert len(made) == 5
    for path in made:
        fresh, bundled = (tmp_path / path).read_bytes(), (DATASETS / path).read_bytes()
        assert gzip.decompress(fresh) == gzip.decompress(bundled), path


@needs_originals
def test_bundled_rows_are_rows_of_mnist() -> None:
    whole, part = mnist(SHARED / "mnist"), mnist(subset=True)
    for pixels, labels, few, few_labels in (
        (whole.train_pixels, whole.train_labels, part.train_pixels, part.train_labels),
        (whole.test_pixels, whole.test_labels, part.test_pixels, part.test_labels),
    ):
        where = {row.tobytes(): k for k, row in enumerate(pixels)}
        rows = [where[row.tobytes()] for row in few]
        assert rows == sorted(set(rows))
        assert np.array_equal(labels[rows], few_labels)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "digits").mkdir()
    for name, raw in RAW.items():
        (tmp_path / "digits" / name).write_bytes(raw)
    assert is_right(mnist("~/digits"))
