"""Lists of pairs: LFW's format in both its headers, CSV, and what is wrong with one."""

from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.evaluation import pairs


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_lfw_with_folds(tmp_path: Path) -> None:
    text = "2\t1\nAda_L\t1\t12\nAda_L\t1\tBo\t2\nCy\t1\t2\nCy\t1\tDi\t3\n"
    found = pairs.read(write(tmp_path / "pairs.txt", text))
    assert found.a == ("Ada_L/Ada_L_0001", "Ada_L/Ada_L_0001", "Cy/Cy_0001", "Cy/Cy_0001")
    assert found.b == ("Ada_L/Ada_L_0012", "Bo/Bo_0002", "Cy/Cy_0002", "Di/Di_0003")
    assert found.mated.tolist() == [True, False, True, False]
    assert found.folds.tolist() == [0, 0, 1, 1]
    assert found.groups["subject_b"] == ("Ada_L", "Bo", "Cy", "Di")
    assert found.pictures[:3] == ["Ada_L/Ada_L_0001", "Ada_L/Ada_L_0012", "Bo/Bo_0002"]


def test_lfw_of_one_fold_has_only_the_number_of_pairs_in_its_first_line(tmp_path: Path) -> None:
    """pairsDevTest.txt begins with 500; blanks in place of tabs are common."""
    found = pairs.read(write(tmp_path / "pairs.txt", "2\nAda 1 2\nAda 1 3\nAda 1 Bo 1\nAda 1 Cy 1\n"))
    assert found.mated.tolist() == [True, True, False, False]
    assert len(set(found.folds.tolist())) == 2


def test_csv_keeps_further_columns_and_folds(tmp_path: Path) -> None:
    text = "\ufeffa,b,mated,kin,fold\nx.jpg,y.jpg,1,0,3\nx.jpg,'=z.jpg,0,1,4\n"
    found = pairs.read(write(tmp_path / "p.csv", text))
    assert found.b == ("y.jpg", "=z.jpg")
    assert (found.folds.tolist(), found.groups) == ([3, 4], {"kin": ("0", "1")})


def test_csv_without_folds_gets_ten_and_folders_that_agree_are_people(tmp_path: Path) -> None:
    rows = "".join(f"p{i}/1.jpg,p{i + i % 2}/2.jpg,{1 - i % 2}\n" for i in range(40))
    found = pairs.read(write(tmp_path / "p.csv", "a,b,mated\n" + rows))
    assert sorted(set(found.folds.tolist())) == list(range(10))
    assert found.groups["subject_a"][3] == "p3"
    assert found.groups["subject_b"][3] == "p4"
    other = pairs.read(write(tmp_path / "q.csv", "a,b,mated\nx/1.jpg,y/1.jpg,1\nx/1.jpg,z/1.jpg,0\n"))
    assert other.groups == {}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("p.txt", "", "line 1 is not the number"),
        ("p.txt", "ten\n", "line 1 is not the number"),
        ("p.txt", "1 2 3\n", "line 1 is not the number"),
        ("p.txt", "2 300\nAda 1 2\n", "has 1 pairs, its first line promises 1200"),
        ("p.txt", "1\nAda 1 2\nAda one Bo 2\n", "line 3 is neither"),
        ("p.txt", "1\nAda 1 2\nAda 1\n", "line 3 is neither"),
        ("p.txt", "1\nAda 1 2\nAda 1 3\n", "only one kind"),
        ("p.csv", "a,b,mated\n", "has no pairs"),
        ("p.csv", "a,b\nx,y\n", "no column mated"),
        ("p.csv", "a,b,mated\nx,y,yes\n", "line 2, column mated: 'yes' is not 1 or 0"),
        ("p.csv", "a,b,mated,fold\nx,y,1,first\nx,z,0,1\n", "column fold"),
        ("p.csv", 'a,b,mated\n"x,y,1\n', "line 2 is no CSV"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as error:
        pairs.read(write(tmp_path / name, text))
    assert name in str(error.value)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        pairs.read(tmp_path / "none.txt")


def test_pictures_are_found_under_any_ending(tmp_path: Path) -> None:
    (tmp_path / "Ada").mkdir()
    for name in ("Ada_0001.jpg", "Ada_0002.PNG"):
        (tmp_path / "Ada" / name).touch()
    names = ["Ada/Ada_0001", "Ada/Ada_0002", "Ada/Ada_0003"]
    found = list(pairs.paths(tmp_path, names))
    assert [Path(path).name for path in found] == ["Ada_0001.jpg", "Ada_0002.PNG", "Ada_0003"]
    with pytest.raises(UsageError, match="none of the 1 pictures is here, for example Bo/1"):
        list(pairs.paths(tmp_path, ["Bo/1"]))


def test_each_fold_has_pairs_of_both_kinds_whatever_their_order() -> None:
    mated = np.arange(200) % 2 == 0
    folds = pairs.dealt(mated)
    for fold in range(pairs.FOLDS):
        assert 0 < mated[folds == fold].sum() < (folds == fold).sum()


def test_scores_of_another_network_are_no_column_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("a,b,mated,score,age\nx,y,1,0.9,old\nx,z,0,0.8,old\n")
    assert dict(pairs.read(tmp_path / "old.csv").groups) == {"age": ("old", "old")}
