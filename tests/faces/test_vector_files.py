"""Files of vectors: what is damaged, of another kind or of another run is refused in a line, never used."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fakes import DIMENSION, FINGERPRINT, FakeOptions, photo

import facekit
from facekit.errors import UsageError
from facekit.faces.vector_files import NAMES, Collection, among, read
from facekit.pictures.shards import Shard, portion_of
from facekit.rendering.embedded import written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photo(tmp_path / "in" / "1.png", "red", "green")
    photo(tmp_path / "in" / "2.png")
    (tmp_path / "in" / "3.png").write_bytes(b"bad")
    photo(tmp_path / "in" / "4.png", "blue", seed=3, poor=True)
    return tmp_path / "in"


def embedded(folder: Path, name: str, shard: str | None = None) -> Path:
    path = folder.parent / name
    for _ in facekit.embed(str(folder), output=path, shard=shard, options=FakeOptions()):
        pass
    return path


def changed(path: Path, **arrays: np.ndarray) -> Path:
    with np.load(path) as file:
        values = {**file, **arrays}
    with path.open("wb") as rewritten:
        np.savez_compressed(rewritten, **values)
    return path


def header_of(path: Path, **values: object) -> np.ndarray:
    with np.load(path) as file:
        before = json.loads(file["header"].tobytes())
    return np.frombuffer(json.dumps({**before, **values}).encode(), np.uint8)


def test_what_was_written_is_read_to_the_last_bit(folder: Path) -> None:
    results = list(facekit.embed(str(folder), options=FakeOptions()))
    file = read(embedded(folder, "a.npz"))
    assert (file.fingerprint, len(file)) == (FINGERPRINT, 4)
    for place, result in enumerate(results):
        again = file.reading(place)
        assert again.to_dict() == facekit.Reading.to_dict(result)
        assert (again.sha256, again.size, again.error) == (result.sha256, result.size, result.error)
        for face, before in zip(again.faces, result.faces, strict=True):
            assert face.vector.tobytes() == before.vector.tobytes()
            assert face.detection.box == before.detection.box
            assert face.quality == before.quality
            assert face.feature_norm == pytest.approx(before.feature_norm, rel=1e-6)


def test_readings_of_the_shards_are_those_of_all_in_their_order(folder: Path) -> None:
    (folder / "5.png").write_bytes((folder / "1.png").read_bytes())
    parts = [embedded(folder, f"{number}.npz", f"{number}/3") for number in (1, 2)]
    # Nothing but a damaged picture is in this shard: then there is no file of it, unless one more comes.
    photo(folder / "6.png", "red", seed=8)
    parts = [embedded(folder, f"{number}.npz", f"{number}/3") for number in (3, 1, 2)]
    together = Collection(parts, FINGERPRINT)
    names = [reading.source for reading in facekit.detect(str(folder), options=FakeOptions())]
    assert [reading.source for reading in together.readings()] == names
    assert together.pictures == 6


def test_workers_that_answer_in_another_order_make_the_same_file(folder: Path) -> None:
    results = list(facekit.embed(str(folder), options=FakeOptions()))
    names = [result.source for result in results]
    path = folder.parent / "b.npz"
    with written(path, DIMENSION) as writer:
        writer.begin(portion_of([], names, Shard(1, 1)))
        for result in results[::-1]:
            writer.take(result)
    assert path.read_bytes() == embedded(folder, "a.npz").read_bytes()


def test_more_shards_than_pictures_have_no_file_and_none_is_missed(folder: Path) -> None:
    (folder / "3.png").unlink()
    parts = [embedded(folder, f"{number}.npz", f"{number}/9") for number in (1, 2, 3)]
    assert len(list(Collection(parts, FINGERPRINT).readings())) == 3


def test_a_shard_that_is_missing_doubled_or_of_another_listing_is_told(folder: Path) -> None:
    one, two = (embedded(folder, f"{number}.npz", f"{number}/2") for number in (1, 2))
    with pytest.raises(UsageError, match=r"1.npz: is shard 1/2 of a listing of which shard 2/2 is not given"):
        Collection([one], FINGERPRINT)
    with pytest.raises(UsageError, match=r"1.npz: is shard 1/2, and so is .*1.npz: give each once"):
        Collection([one, two, one], FINGERPRINT)
    photo(folder / "0.png", "red")  # moves all others into the other shard
    with pytest.raises(UsageError, match="of a listing of which shard"):
        Collection([one, embedded(folder, "2.npz", "2/2")], FINGERPRINT)


def test_vectors_of_another_embedder_are_refused(folder: Path) -> None:
    with pytest.raises(
        UsageError, match=r"a.npz: holds vectors of the embedder ffffffffffff, not of this one"
    ):
        Collection([embedded(folder, "a.npz")], "0" * 64)


def test_pictures_and_vectors_are_not_mixed(folder: Path) -> None:
    assert among([str(folder), "a.png"]) == []
    assert among(["a.npz", "B.NPZ"]) == [Path("a.npz"), Path("B.NPZ")]
    with pytest.raises(UsageError, match="give pictures, or files of vectors, not both"):
        among(["a.npz", "a.png"])


@pytest.mark.parametrize(
    "arrays",
    [
        {"vectors": np.zeros((3, DIMENSION), np.float32)},
        {"vectors": np.full((3, DIMENSION), np.nan, np.float32)},
        {"vectors": np.eye(4, DIMENSION, dtype=np.float32)},
        {"vectors": np.zeros(3, np.float32)},
        {"face_counts": np.array([2, 0, 0, 2])},
        {"face_counts": np.array([4, 0, 0, -1])},
        {"boxes": np.full((3, 4), np.inf)},
        {"pictures": np.arange(4)},
        {"pictures": np.array(["a"] * 3)},
        {"header": np.frombuffer(b"{}", np.uint8)},
    ],
)
def test_a_file_whose_arrays_do_not_fit_is_refused(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    path = changed(embedded(folder, "a.npz"), **arrays)
    with pytest.raises(UsageError, match=r"^\S+a.npz: .*(no file of faces|damaged)") as raised:
        read(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "values", [{"kind": "x"}, {"schema": 2}, {"shard": "3/2"}, {"results": 9}, {"problems": {"x": "y"}}]
)
def test_a_header_of_something_else_is_refused(folder: Path, values: dict[str, object]) -> None:
    path = embedded(folder, "a.npz")
    with pytest.raises(UsageError, match="damaged"):
        read(changed(path, header=header_of(path, **values)))


def test_a_cut_and_a_flipped_file_are_refused_and_nothing_is_unpickled(folder: Path) -> None:
    whole = embedded(folder, "a.npz").read_bytes()
    path = folder.parent / "b.npz"
    for content in (b"", whole[: len(whole) // 2], whole[:200] + bytes([whole[200] ^ 0xFF]) + whole[201:]):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"b.npz: "):
            read(path)
    np.savez(path, allow_pickle=True, **{name: np.array([{}], object) for name in NAMES})
    with pytest.raises(UsageError, match="damaged"):
        read(path)


def test_a_file_that_unpacks_to_far_more_is_not_unpacked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.faces.vector_files._UNPACKED", 2)
    monkeypatch.setattr("facekit.files.untrusted.MIB", 1)
    path = embedded(folder, "a.npz")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES:
            archive.writestr(f"{name}.npy", bytes(1_000_000))
    with pytest.raises(UsageError, match="unpacks to more than"):
        read(path)
