"""Banks of views: the same bytes however they are made, and never those of something else."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.training import bank
from facekit.training.config import Augmentation
from facekit.training.data import Faces
from training.small import people

FACES = people(3, 2)


class Colors:
    """A teacher that says the mean color, which a mirror image does not change."""

    dimension = 3

    def __init__(self, fingerprint: str = "colors") -> None:
        self.fingerprint = fingerprint

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        return crops.mean((1, 2), dtype=np.float32) + 1


def build(out: Path, faces: Faces = FACES, **changes: object) -> None:
    usual = {"views": 2, "teacher": Colors(), "augmentation": Augmentation(), "batch": 4}
    bank.build(faces.crops, out, **{**usual, **changes})  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_bank_has_the_crop_first_and_the_vector_of_each_view(tmp_path: Path) -> None:
    build(tmp_path, views=3)
    read = bank.read(FACES, tmp_path)
    assert read.views == 3
    assert (read.crops[:6] == FACES.crops).all()
    assert not (read.crops[6:12] == FACES.crops).all()
    wanted = Colors()(read.crops)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert read.teacher is not None
    assert read.teacher == pytest.approx(wanted, abs=1e-3)


def interrupted(out: Path, at: int, **options: object) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(out, report=interrupt, **options)


def test_an_interrupted_bank_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    build(whole)
    interrupted(parts, 10)
    assert bank.read(FACES, parts).views == 1
    build(parts)
    assert contents(parts) == contents(whole)


def test_a_bank_without_one_whole_view_is_not_used(tmp_path: Path) -> None:
    interrupted(tmp_path / "bank", 4)
    with pytest.raises(UsageError, match="not finished"):
        bank.read(FACES, tmp_path / "bank")
    with pytest.raises(UsageError, match="holds no bank"):
        bank.read(FACES, tmp_path / "nothing")


def test_one_view_keeps_no_second_copy_of_the_crops(tmp_path: Path) -> None:
    build(tmp_path, views=1)
    assert not (tmp_path / "views.npy").exists()
    assert bank.read(FACES, tmp_path).teacher is not None


OTHERS = {
    "other crops": {"faces": people(3, 2, seed=7)},
    "another teacher": {"teacher": Colors("another")},
    "another number of views": {"views": 4},
    "another seed": {"seed": 1},
    "another augmentation": {"augmentation": Augmentation(blur=0.0)},
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("done", [6, 12])
def test_a_bank_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path, what: str, done: int) -> None:
    """Of something else with the same number of crops, too."""
    if done == 12:
        build(tmp_path, batch=6)
    else:
        interrupted(tmp_path, 6, batch=6)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=what) as refused:
        build(tmp_path, **OTHERS[what])
    assert ("use it as it is" in str(refused.value)) == (what != "other crops")
    assert contents(tmp_path) == before


def test_a_teacher_is_not_left_out_nor_dropped_in_silence(tmp_path: Path) -> None:
    build(tmp_path / "without", teacher=None)
    with pytest.raises(UsageError, match="another teacher"):
        build(tmp_path / "without")
    build(tmp_path / "with")
    with pytest.raises(UsageError, match="another teacher"):
        build(tmp_path / "with", teacher=None)


@pytest.mark.parametrize("others", [people(3, 2, seed=7), people(5, 1), people(2, 2)])
@pytest.mark.parametrize("views", [1, 2])
def test_a_bank_of_other_crops_is_not_read(tmp_path: Path, others: Faces, views: int) -> None:
    build(tmp_path, views=views)
    with pytest.raises(UsageError, match="other crops"):
        bank.read(others, tmp_path)


def test_a_refused_bank_is_as_good_as_before(tmp_path: Path) -> None:
    build(tmp_path, views=1)
    with pytest.raises(UsageError, match="views"):
        build(tmp_path, views=4)
    build(tmp_path, views=1)
    assert (bank.read(FACES, tmp_path).crops == FACES.crops).all()


def test_seed_and_augmentation_do_not_matter_where_the_crop_is_the_only_view(tmp_path: Path) -> None:
    build(tmp_path, views=1)
    before = contents(tmp_path)
    build(tmp_path, views=1, seed=3, augmentation=Augmentation(blur=0.0))
    assert contents(tmp_path) == before


def older(out: Path, **options: object) -> Path:
    """A bank as it was made before banks said what they are of."""
    build(out, **options)
    (out / "bank.json").unlink()
    return out


@pytest.mark.parametrize("views", [1, 2])
def test_a_bank_that_does_not_say_what_it_is_of_is_used_where_it_fits(tmp_path: Path, views: int) -> None:
    folder, notes = older(tmp_path, views=views), []
    before = contents(folder)
    build(folder, views=views)
    assert contents(folder) == before
    read = bank.read(FACES, folder, note=notes.append)
    assert read.views == views
    assert read.teacher is not None
    assert "used as it is" in notes[0]
    for options in ({"views": views + 1}, {"views": views, "faces": people(5, 1)}):
        with pytest.raises(UsageError, match="holds a bank of"):
            build(folder, **options)
    with pytest.raises(UsageError, match="other crops"):
        bank.read(people(2, 2, seed=7) if views == 2 else people(4, 1), folder)
    assert contents(folder) == before


def test_an_older_bank_without_a_teacher_is_no_bank_of_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another teacher"):
        build(older(tmp_path, teacher=None))


def test_older_views_of_other_crops_are_known_by_the_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="other crops"):
        bank.read(people(3, 2, seed=7), older(tmp_path))


def test_empty_views_that_a_refused_call_left_in_an_older_bank_are_not_used(tmp_path: Path) -> None:
    folder = older(tmp_path, views=1)
    np.save(folder / "views.npy", np.zeros((24, 112, 112, 3), np.uint8))
    build(folder, views=1)
    read = bank.read(FACES, folder)
    assert read.views == 1
    assert (read.crops == FACES.crops).all()


@pytest.mark.parametrize("name", ["teacher.npy", "views.npy", "progress", "bank.json"])
@pytest.mark.parametrize("length", [0, 5, 150])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, length: int) -> None:
    build(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:length] if name != "progress" else b"")
    for use in (lambda: bank.read(FACES, tmp_path), lambda: build(tmp_path)):
        with pytest.raises(UsageError, match=f"{name}: is damaged"):
            use()


def test_progress_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if content == b"10":
            write(path, b"")
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        build(tmp_path / "bank")
    monkeypatch.undo()
    build(tmp_path / "bank")
    build(tmp_path / "whole")
    wanted = contents(tmp_path / "whole")
    assert {name: contents(tmp_path / "bank")[name] for name in wanted} == wanted


def test_the_key_names_teacher_views_and_augmentation(tmp_path: Path) -> None:
    build(tmp_path, seed=5)
    kept = json.loads((tmp_path / "bank.json").read_text())
    assert (kept["crops"], kept["teacher"], kept["views"], kept["seed"]) == (6, "colors", 2, 5)
    assert Augmentation(**kept["augmentation"]) == replace(Augmentation(), flip=0.0)


def test_a_disk_without_room_is_an_error_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*views\.npy'"):
        build(tmp_path)
