"""Reading crops and their tables, and holding people out."""

import io
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.errors import UsageError
from facekit.evaluation import metrics
from facekit.training import data
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


def test_a_table_from_a_spreadsheet(tmp_path: Path) -> None:
    table = write_array(tmp_path / "faces.npy", people(2, 2)).with_suffix(".csv")
    table.write_text("subject\nann\nann\nbob\nbob\n", encoding="utf-8-sig")
    assert data.read_array(tmp_path / "faces.npy").labels.tolist() == [0, 0, 1, 1]


def archived(path: Path, *sides: int) -> Path:
    """Crops in NAME.zip with their table, those of one side after those of another."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, side in enumerate(sides):
            file = io.BytesIO()
            Image.new("RGB", (side, side), (number, 0, 9)).save(file, "PNG")
            archive.writestr(f"{number}.png", file.getvalue())
    rows = [f"{number}.png,a\n" for number in range(len(sides))]
    path.with_suffix(".csv").write_text("name,subject\n" + "".join(rows))
    return path


def test_pictures_of_another_size_are_no_crops(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1\.png is 1×1, a crop is 112×112"):
        data.read_array(archived(tmp_path / "faces.zip", 112, 1))


def test_a_damaged_archive_is_no_internal_error(tmp_path: Path) -> None:
    path = archived(tmp_path / "faces.zip", 112, 112)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        # What the damage does not touch may still be read.
        with suppress(UsageError):
            data.read_array(path)


def test_several_arrays_are_not_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "faces.npz", np.zeros((1, 112, 112, 3), np.uint8))
    (tmp_path / "faces.csv").write_text("subject\na\n")
    with pytest.raises(UsageError, match="several arrays"):
        data.read_array(tmp_path / "faces.npz")


@pytest.mark.parametrize(
    ("array", "table", "message"),
    [
        (np.zeros((2, 112, 112, 3), np.uint8), None, "needs this table"),
        (np.zeros((2, 112, 112, 3), np.uint8), "subject\na\n", "2 crops, its table 1 rows"),
        (np.zeros((2, 112, 112, 3), np.uint8), "who\na\nb\n", "has no column subject"),
        (np.zeros((2, 64, 64, 3), np.uint8), "subject\na\nb\n", r"not uint8 \(n, 112"),
        (np.zeros((2, 112, 112, 3), np.float32), "subject\na\nb\n", "is float32"),
        (np.array([{}]), "subject\na\n", "holds Python objects, which are not loaded"),
        (np.zeros((0, 112, 112, 3), np.uint8), "subject\na\n", r"faces\.npy: holds no crops"),
        (np.zeros((0, 112, 112, 3), np.uint8), "subject\n", r"faces\.csv: has no rows"),
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


def test_what_is_validated_on_is_labeled(tmp_path: Path) -> None:
    read = data.read_validation(write_array(tmp_path / "faces.npy", people(3, 2, unknown=4)))
    assert read.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (read.crops == people(3, 2).crops).all()


@pytest.mark.parametrize(
    ("faces", "found"),
    [
        (people(6, 1), "6 labeled crops of 6"),
        (people(1, 6), "6 labeled crops of 1"),
        (people(1, 4, unknown=4), "4 labeled crops of 1"),
        (people(6, 1, unknown=3), "6 labeled crops of 6"),
    ],
)
def test_what_has_no_pairs_of_both_kinds_is_not_validated_on(
    tmp_path: Path, faces: data.Faces, found: str
) -> None:
    with pytest.raises(UsageError, match=f"{found} subjects are too few .* two crops of one subject"):
        data.read_validation(write_array(tmp_path / "faces.npy", faces))


def test_pairs_are_counted_as_they_are_scored() -> None:
    random = np.random.default_rng(0)
    labels, families = random.integers(0, 6, 40), random.integers(-1, 4, 40)
    faces = data.Faces(np.zeros((40, 112, 112, 3), np.uint8), labels, families)
    scores = metrics.split_scores(np.zeros((40, 2), np.float32), labels, families)
    assert data.pairs(faces) == tuple(map(len, scores))


def test_held_out_people_are_not_trained_on_and_classes_are_renumbered() -> None:
    faces = people(8, 3, unknown=5)
    training, validation = data.hold_out(faces, share=0.4, seed=1)
    assert validation is not None
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
def test_where_people_are_too_few_to_hold_any_out_all_are_trained_on(subjects: int, each: int) -> None:
    faces = people(subjects, each)
    assert data.hold_out(faces) == (faces, None)


def test_those_held_out_are_never_all_of_one_family() -> None:
    faces = replace(people(6, 3), families=np.repeat([0, 0, 0, 1, 1, 1], 3))
    for seed in range(20):
        _, judged = data.hold_out(faces, seed=seed)
        assert judged is not None
        assert all(data.pairs(judged))
    alike = replace(people(6, 3), families=np.zeros(18, np.int64))
    assert data.hold_out(alike) == (alike, None)


def test_of_a_subject_that_is_held_out_only_some_crops_are_judged_and_none_are_learned() -> None:
    faces = people(4, data.MOST_OF_ONE + 5)
    rest, judged = data.hold_out(faces)
    assert judged is not None
    assert np.bincount(judged.labels).tolist() == [data.MOST_OF_ONE] * 2
    assert len(rest.rows) == 2 * (data.MOST_OF_ONE + 5)
