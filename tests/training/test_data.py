"""Reading crops and their tables, banks, and holding people out."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.errors import UsageError
from facekit.training import bank, data
from facekit.training.config import Augmentation
from training.small import people, write_array


def test_an_array_with_its_table(tmp_path: Path) -> None:
    faces = people(3, 2, unknown=2)
    read = data.read_array(write_array(tmp_path / "faces.npy", faces))
    assert (read.labels == faces.labels).all()
    assert (read.crops == faces.crops).all()
    assert read.classes == 3
    assert read.views == 1
    assert (read.rows == np.arange(8)).all()


def test_crops_in_a_zip_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for number in range(3):
            file = io.BytesIO()
            Image.new("RGB", (112, 112), (number, 0, 9)).save(file, "PNG")
            archive.writestr(f"{number}.png", file.getvalue())
    table = "name,subject,family\n2.png,b,F1\n0.png,a,\n1.png,b,F1\n"
    (tmp_path / "faces.csv").write_text(table)
    read = data.read_array(tmp_path / "faces.zip")
    assert read.crops[:, 0, 0, 0].tolist() == [2, 0, 1]
    assert read.labels.tolist() == [1, 0, 1]
    assert read.families.tolist() == [0, -1, 0]


@pytest.mark.parametrize(
    ("array", "table", "message"),
    [
        (np.zeros((2, 112, 112, 3), np.uint8), None, "needs this table"),
        (np.zeros((2, 112, 112, 3), np.uint8), "subject\na\n", "2 crops, its table 1 rows"),
        (np.zeros((2, 112, 112, 3), np.uint8), "who\na\nb\n", "no column `subject`"),
        (np.zeros((2, 64, 64, 3), np.uint8), "subject\na\nb\n", r"not uint8 \(n, 112"),
        (np.zeros((2, 112, 112, 3), np.float32), "subject\na\nb\n", "is float32"),
        (np.array([{}]), "subject\na\n", "no array of crops"),
    ],
)
def test_what_is_no_array_of_crops(
    tmp_path: Path, array: np.ndarray, table: str | None, message: str
) -> None:
    np.save(tmp_path / "faces.npy", array, allow_pickle=True)
    if table is not None:
        (tmp_path / "faces.csv").write_text(table)
    with pytest.raises(UsageError, match=message):
        data.read_array(tmp_path / "faces.npy")


def test_held_out_people_are_not_trained_on_and_classes_are_renumbered() -> None:
    faces = people(8, 3, unknown=5)
    training, validation = data.hold_out(faces, share=0.4, seed=1)
    used = set(training.rows.tolist())
    out = set(range(len(faces.labels))) - used
    assert validation.classes == 3
    assert len(validation.labels) == len(out) == 9
    assert (validation.crops == faces.crops[sorted(out)]).all()
    assert len({int(label) for label in faces.labels[sorted(out)]}) == 3
    labels = training.labels[training.rows]
    assert sorted(set(labels.tolist())) == [-1, 0, 1, 2, 3, 4]
    assert training.classes == 5
    before = faces.labels[training.rows]
    assert all(len(set(before[labels == label])) == 1 for label in range(5))


def test_the_same_people_are_held_out_every_time() -> None:
    first, again = (data.hold_out(people(8, 3), seed=4)[0].rows for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize(("subjects", "each"), [(1, 5), (3, 3), (9, 1)])
def test_too_few_people_to_hold_any_out(subjects: int, each: int) -> None:
    with pytest.raises(UsageError, match="--validation"):
        data.hold_out(people(subjects, each))


def teacher(crops: np.ndarray) -> np.ndarray:
    """The mean colour, which a mirror image does not change."""
    return crops.mean((1, 2), dtype=np.float32) + 1


def test_a_bank_has_the_crop_first_and_the_vector_of_each_view(tmp_path: Path) -> None:
    faces = people(3, 2)
    bank.build(faces.crops, tmp_path, views=3, teacher=teacher, augmentation=Augmentation(), batch=4)
    read = data.read_bank(faces, tmp_path)
    assert read.views == 3
    assert (read.crops[:6] == faces.crops).all()
    assert not (read.crops[6:12] == faces.crops).all()
    wanted = teacher(read.crops)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert read.teacher is not None
    assert read.teacher == pytest.approx(wanted, abs=1e-3)


def test_an_interrupted_bank_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    faces = people(3, 2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = {"views": 2, "teacher": teacher, "augmentation": Augmentation(), "batch": 4}
    bank.build(faces.crops, whole, **options)

    def interrupt(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bank.build(faces.crops, parts, report=interrupt, **options)
    assert data.read_bank(faces, parts).views == 1
    bank.build(faces.crops, parts, **options)
    for name in ("views.npy", "teacher.npy", "progress"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


def test_one_view_keeps_no_second_copy_of_the_crops(tmp_path: Path) -> None:
    faces = people(3, 2)
    bank.build(faces.crops, tmp_path, views=1, teacher=teacher, augmentation=Augmentation())
    assert not (tmp_path / "views.npy").exists()
    assert data.read_bank(faces, tmp_path).teacher is not None


def test_a_bank_of_other_crops_is_refused(tmp_path: Path) -> None:
    bank.build(people(3, 2).crops, tmp_path, views=2, teacher=None, augmentation=Augmentation())
    with pytest.raises(UsageError, match="other crops"):
        data.read_bank(people(5, 1), tmp_path)
    with pytest.raises(UsageError, match="other crops"):
        bank.build(people(3, 3).crops, tmp_path, views=2, teacher=None, augmentation=Augmentation())
