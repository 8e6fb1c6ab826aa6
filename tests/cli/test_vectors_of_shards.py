"""`cluster` and `evaluate` of the vectors of shards: what they say of the photos, to the last byte."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

COLORS = ("red", "green", "blue", "yellow", "cyan", "magenta")


@pytest.fixture
def everybody(run: Run, tmp_path: Path) -> Path:
    """Six people with three photos each, some with a second face, one damaged, one without a face."""
    for color in COLORS:
        for number in (1, 2, 3):
            faces = () if (color, number) == ("red", 3) else (color, *["black"][: number % 2])
            photo(tmp_path / "in" / color / f"{color}_{number:04d}.png", *faces, seed=number)
    (tmp_path / "in" / "blue" / "blue_0003.png").write_bytes(b"bad")
    return tmp_path


def embedded(run: Run, count: int, *words: str, of: str = "in") -> list[str]:
    names = [f"{of}-{number}-of-{count}.npz" for number in range(1, count + 1)]
    for number, name in enumerate(names, 1):
        assert run("embed", of, "-o", name, "--shard", f"{number}/{count}", *words).exit_code in (0, 1)
    return names[::-1]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("style", ["jsonl", "table"])
def test_groups_of_shards_are_those_of_the_photos_at_once(
    run: Run, everybody: Path, count: int, style: str
) -> None:
    at_once = run("cluster", "in", "-f", style)
    of_shards = run("cluster", *embedded(run, count), "-f", style)
    assert (of_shards.stdout, of_shards.exit_code) == (at_once.stdout, at_once.exit_code)
    assert "in 18 pictures" in of_shards.stderr or style != "table"
    assert "blue_0003.png" in of_shards.stderr


def test_names_of_a_gallery_and_copied_photos_are_the_same(run: Run, everybody: Path, people: Path) -> None:
    parts = embedded(run, 2)
    at_once = run("cluster", "in", "-f", "jsonl", "--copy", "photos", "--out", "a")
    of_shards = run("cluster", *parts, "-f", "jsonl", "--copy", "photos", "--out", "b")
    assert of_shards.stdout == at_once.stdout
    assert '"subject": "red"' in of_shards.stdout
    trees = [sorted(str(path.relative_to(top)) for path in Path(top).rglob("*")) for top in "ab"]
    assert trees[0] == trees[1]
    refused = run("cluster", *parts, "--out", "c")
    assert refused.exit_code == 2
    assert "copy the photos (--copy photos)" in refused.stderr


def test_a_missing_shard_gives_no_groups(run: Run, everybody: Path) -> None:
    refused = run("cluster", *embedded(run, 3)[1:])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "shard 3/3 is not given" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("verification", "--images", "in", "--threshold", "0.5"),
        ("verification", "--images", "in", "--pairs", "pairs.csv"),
        ("identification", "--images", "in", "--gallery-photos", "1", "--threshold", "0.5"),
        ("identification", "--images", "in", "--gallery", "gallery/gallery.db", "--threshold", "0.5"),
    ],
)
def test_figures_of_shards_are_those_of_the_photos_at_once(
    run: Run, everybody: Path, people: Path, words: Sequence[str]
) -> None:
    rows = [f"{name}/{name}_0001.png,{name}/{name}_000{n}.png,1" for name in COLORS for n in (2, 3)]
    rows += [f"red/red_0001.png,{name}/{name}_0002.png,0" for name in COLORS[1:]]
    Path("pairs.csv").write_text("\n".join(["a,b,mated", *rows]))
    at_once = run("evaluate", *words, "-f", "json")
    assert json.loads(at_once.stdout)["pictures_failed"] > 0
    of_shards = run("evaluate", *words, "-f", "json", *embedded(run, 3))
    assert (of_shards.stdout, of_shards.exit_code) == (at_once.stdout, at_once.exit_code)


def test_a_picture_that_is_in_no_file_is_told(run: Run, everybody: Path) -> None:
    parts = embedded(run, 2)
    photo(everybody / "in" / "red" / "new.png", "red")
    result = run("evaluate", "verification", "--images", "in", *parts)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "in/red/new.png: is in none of the files of vectors" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--flip",), "has no mirror images"),
        (("--aligned",), "which aligned crops are not"),
        (("--from-scores", "s.csv"), "takes no files of vectors"),
    ],
)
def test_what_vectors_cannot_stand_for_is_refused(
    run: Run, everybody: Path, words: Sequence[str], told: str
) -> None:
    Path("s.csv").write_text("a,b,mated,score\nx,y,1,0.5\nx,z,0,0.1\n")
    result = run("evaluate", "verification", "--images", "in", *words, *embedded(run, 1))
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_scores_are_not_written_over_vectors(run: Run, everybody: Path) -> None:
    [part] = embedded(run, 1)
    Path("v.csv").symlink_to(part)
    before = Path(part).read_bytes()
    assert run("evaluate", "verification", "--images", "in", part, "--scores", "v.csv").exit_code == 2
    assert Path(part).read_bytes() == before
