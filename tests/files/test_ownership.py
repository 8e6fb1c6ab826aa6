"""A face of a picture belongs to one person, and what was taken out of a gallery stays out."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import DIMENSION, FINGERPRINT, FakeOptions, photo

from facekit.calibration.threshold import Calibration
from facekit.gallery import Gallery, create_gallery, open_gallery, transfer
from facekit.gallery.gallery_settings import GallerySettings
from facekit.people.enrollment import Outcome, Rules, enroll
from facekit.people.photos_to_enroll import plan

PEOPLE = "people"


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with new_gallery(tmp_path / "g.db") as made:
        yield made


def new_gallery(path: Path) -> Gallery:
    return create_gallery(
        path,
        GallerySettings("fake", FINGERPRINT, DIMENSION, Calibration(0.6)),
    )


def run(gallery: Gallery, folder: Path, *, again: bool = False, strict: bool = False) -> list[Outcome]:
    rules = Rules(again=again, strict=strict)
    photos = plan([str(folder)]).photos
    return list(enroll(gallery, photos, rules=rules, options=FakeOptions()))


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {"/".join(Path(each.source).parts[-2:]): each.status for each in outcomes}


def holdings(gallery: Gallery) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for info in gallery.templates():
        found.setdefault(info.subject, []).append(Path(info.source).name)
    return {name: sorted(sources) for name, sources in found.items()}


def people(folder: Path, **colors: str) -> Path:
    for name, color in colors.items():
        for seed in range(3):
            photo(folder / PEOPLE / name / f"{name}{seed}.png", color, seed=seed)
    return folder / PEOPLE


def couple(folder: Path, *names: str, seed: int = 5) -> None:
    """One picture of red, the larger, and green in all these folders."""
    made = photo(folder.parent / f"couple{seed}.png", "red", "green", seed=seed)
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(made, folder / name / made.name)


def test_a_renamed_folder_takes_all_its_templates_along(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, smith="red", other="blue")
    run(gallery, folder)
    (folder / "smith").rename(folder / "taylor")
    outcomes = [each for each in run(gallery, folder, strict=True) if each.subject == "taylor"]
    assert [each.status for each in outcomes] == ["moved"] * 3
    assert outcomes[0].notes == ("moved from smith; smith had no other picture and is gone",) or (
        outcomes[-1].notes == ("moved from smith; smith had no other picture and is gone",)
    )
    assert set(holdings(gallery)) == {"other", "taylor"}


def test_a_moved_folder_of_more_than_a_batch_is_not_held_against_its_old_name(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.people.enrollment.BATCH", 2)
    folder = people(tmp_path, smith="red")
    run(gallery, folder)
    (folder / "smith").rename(folder / "taylor")
    photo(folder / "taylor" / "z.png", "red", seed=7)
    outcomes = run(gallery, folder, strict=True)
    assert [each.problems for each in outcomes if each.status == "refused"] == []
    assert len(holdings(gallery)["taylor"]) == 4


def test_a_move_that_the_other_pictures_speak_against_is_refused(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, ada="red", ben="blue")
    run(gallery, folder)
    (folder / "ada" / "ada0.png").rename(folder / "ben" / "ada0.png")
    [outcome] = [each for each in run(gallery, folder) if each.source.endswith("ada0.png")]
    assert outcome.status == "refused"
    assert "enrolled under another name, and more like that person's other pictures" in outcome.problems[0]
    assert holdings(gallery)["ada"] == ["ada0.png", "ada1.png", "ada2.png"]


def test_a_couple_on_a_picture_in_both_folders_is_two_people_even_when_strict(
    gallery: Gallery, tmp_path: Path
) -> None:
    folder = people(tmp_path, ada="red", ben="green")
    couple(folder, "ada", "ben")
    outcomes = run(gallery, folder, strict=True)
    assert {each.status for each in outcomes} == {"enrolled"}
    boxes = {
        info.subject: info.box for info in gallery.templates() if Path(info.source).name == "couple5.png"
    }
    assert boxes["ada"][0] < boxes["ben"][0]


def test_which_face_is_whose_is_not_guessed_from_shared_pictures_alone(
    gallery: Gallery, tmp_path: Path
) -> None:
    folder = tmp_path / PEOPLE
    for seed in (5, 6):
        couple(folder, "ada", "ben", seed=seed)
    outcomes = run(gallery, folder)
    assert {each.status for each in outcomes} == {"refused"}
    assert "which face is whose cannot be told" in outcomes[0].problems[0]
    assert len(gallery) == 0
    photo(folder / "ada" / "alone.png", "red", seed=1)
    run(gallery, folder)
    run(gallery, folder)
    boxes = {
        (info.subject, info.box[0]) for info in gallery.templates() if Path(info.source).name == "couple5.png"
    }
    assert boxes == {("ada", 10.0), ("ben", 70.0)}


def test_of_two_copies_in_two_folders_neither_is_enrolled_and_what_is_stays(
    gallery: Gallery, tmp_path: Path
) -> None:
    folder = people(tmp_path, ada="red", ben="green")
    run(gallery, folder)
    shutil.copy(folder / "ada" / "ada0.png", folder / "ben" / "copy.png")
    found = statuses(run(gallery, folder))
    assert (found["ben/copy.png"], found["ada/ada0.png"]) == ("refused", "already there")
    assert holdings(gallery)["ada"] == ["ada0.png", "ada1.png", "ada2.png"]


def test_a_removed_person_does_not_come_back_under_any_name(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, ada="red", ben="green")
    run(gallery, folder)
    gallery.remove(["ada"])
    assert set(statuses(run(gallery, folder)).values()) == {"removed earlier", "already there"}
    (folder / "ada").rename(folder / "zoe")
    assert set(statuses(run(gallery, folder)).values()) == {"removed earlier", "already there"}
    assert set(holdings(gallery)) == {"ben"}
    photo(folder / "zoe" / "another.png", "red", seed=8)
    run(gallery, folder)
    assert holdings(gallery)["zoe"] == ["another.png"]
    run(gallery, folder, again=True)
    assert len(holdings(gallery)["zoe"]) == 4
    assert gallery.tombstones().count("face") == 0


def test_another_face_of_a_removed_persons_picture_may_be_enrolled(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, ada="red")
    couple(folder, "ada")
    run(gallery, folder)
    gallery.remove(["ada"])
    assert set(statuses(run(gallery, folder)).values()) == {"removed earlier"}
    couple(folder, "ben")
    shutil.rmtree(folder / "ada")
    assert statuses(run(gallery, folder)) == {"ben/couple5.png": "enrolled"}
    assert [info.box[0] for info in gallery.templates("ben")] == [70.0]


def test_a_picture_removed_from_one_person_is_free_for_another(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, ada="red", ben="green")
    photo(folder / "ada" / "wrong.png", "green", seed=7)
    run(gallery, folder)
    gallery.remove_photos("ada", [str(folder / "ada" / "wrong.png")])
    assert statuses(run(gallery, folder))["ada/wrong.png"] == "removed earlier"
    shutil.copy(folder / "ada" / "wrong.png", folder / "ben" / "wrong.png")
    found = statuses(run(gallery, folder))
    assert (found["ada/wrong.png"], found["ben/wrong.png"]) == ("removed earlier", "enrolled")
    assert "wrong.png" in holdings(gallery)["ben"]


@pytest.mark.parametrize("how", ["rename", "merge"])
def test_a_name_that_was_given_up_does_not_come_back(gallery: Gallery, tmp_path: Path, how: str) -> None:
    folder = people(tmp_path, anna="red", **({"zoe": "red"} if how == "merge" else {}))
    if how == "merge":
        for number, each in enumerate(sorted((folder / "zoe").iterdir())):
            photo(each, "red", seed=4 + number)
    run(gallery, folder)
    if how == "rename":
        gallery.rename("anna", "zoe")
    else:
        gallery.merge("zoe", ["anna"])
    outcomes = [each for each in run(gallery, folder) if each.subject == "anna"]
    assert {(each.status, each.notes) for each in outcomes} == {
        ("already there", ("enrolled as zoe since a rename or a merge",))
    }
    assert set(holdings(gallery)) == {"zoe"}
    photo(folder / "anna" / "new.png", "red", seed=9)
    [new] = [each for each in run(gallery, folder) if each.source.endswith("new.png")]
    assert new.status == "refused"
    assert "another name since a rename or a merge (zoe): rename the folder too" in new.problems[0]
    gallery.remove(["zoe"])
    assert {each.status for each in run(gallery, folder) if not each.source.endswith("new.png")} == {
        "removed earlier"
    }


def test_a_rename_can_be_undone(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, anna="red")
    run(gallery, folder)
    gallery.rename("anna", "zoe")
    gallery.rename("zoe", "anna")
    assert {(each.status, each.notes) for each in run(gallery, folder)} == {("already there", ())}


def test_a_removal_beside_a_running_enrollment_holds(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, ada="red", ben="green")
    run(gallery, folder)
    gallery.remove(["ada"])
    with open_gallery(gallery.path, write=True) as other:
        other.forget_removals()
        photos = plan([str(folder)]).photos
        running = enroll(gallery, photos, options=FakeOptions())
        next(running)  # ada is there again
        other.rename("ben", "bert")
        found = {each.source.split("/")[-1]: each.status for each in running}
    assert found["ben0.png"] == "already there"
    assert set(holdings(gallery)) == {"ada", "bert"}


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_an_export_carries_what_was_removed(gallery: Gallery, tmp_path: Path, suffix: str) -> None:
    folder = people(tmp_path, ada="red", ben="green")
    run(gallery, folder)
    transfer.write(gallery, tmp_path / f"before{suffix}")
    gallery.remove(["ada"])
    transfer.write(gallery, tmp_path / f"after{suffix}")
    report = transfer.import_into(gallery, transfer.read(tmp_path / f"before{suffix}"))
    assert (report.added, report.present, report.removed) == (0, 3, 3)
    with transfer.create_from(transfer.read(tmp_path / f"after{suffix}"), tmp_path / "made.db") as made:
        assert set(statuses(run(made, folder)).values()) == {"already there", "removed earlier"}
    with new_gallery(tmp_path / "copied.db") as copied:
        run(copied, people(tmp_path / "third", cleo="blue"))
        copied.remove(["cleo"])
        transfer.copy(gallery, copied)
        assert set(statuses(run(copied, folder)).values()) == {"already there", "removed earlier"}
        assert set(statuses(run(copied, tmp_path / "third" / PEOPLE)).values()) == {"removed earlier"}
    again = transfer.import_into(gallery, transfer.read(tmp_path / f"before{suffix}"), again=True)
    assert again.added == 3


def test_an_import_gives_no_face_a_second_name(gallery: Gallery, tmp_path: Path) -> None:
    folder = people(tmp_path, anna="red")
    run(gallery, folder)
    transfer.write(gallery, tmp_path / "anna.jsonl")
    gallery.rename("anna", "zoe")
    gallery.forget_removals()
    report = transfer.import_into(gallery, transfer.read(tmp_path / "anna.jsonl"))
    assert (report.added, report.held) == (0, 3)
    assert set(holdings(gallery)) == {"zoe"}


def test_no_name_stands_in_what_is_kept(gallery: Gallery, tmp_path: Path) -> None:
    run(gallery, people(tmp_path, Henrietta="red"))
    digests = {info.sha256 for info in gallery.templates()}
    gallery.remove(["Henrietta"])
    gallery.close()
    content = gallery.path.read_bytes()
    assert b"Henrietta" not in content
    assert not any(digest.encode() in content or bytes.fromhex(digest) in content for digest in digests)


def test_a_lost_tombstone_is_damage_and_not_a_return(gallery: Gallery, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    from facekit.errors import GalleryError
    from facekit.gallery.sqlite.check import check

    folder = people(tmp_path, ada="red")
    run(gallery, folder)
    gallery.remove(["ada"])
    gallery.close()
    with closing(sqlite3.connect(gallery.path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM tombstones WHERE kind = 'face'")
    assert any("removed pictures" in problem.message for problem in check(gallery.path))
    with open_gallery(gallery.path, write=True) as damaged, pytest.raises(GalleryError, match="damaged"):
        run(damaged, folder)


def holiday(folder: Path, *colors: str, name: str = "Italy 2021") -> Path:
    for number, color in enumerate(colors):
        photo(folder / PEOPLE / name / f"{number:02}.png", color, seed=20 + number)
    return folder / PEOPLE


def test_a_folder_of_several_people_is_nobodys(gallery: Gallery, tmp_path: Path) -> None:
    folder = holiday(tmp_path, "red", "green", "blue", "red", "green", "blue")
    people(tmp_path, ada="red")
    outcomes = run(gallery, folder)
    refused = [each for each in outcomes if each.subject == "Italy 2021"]
    assert {(each.status, each.mixed) for each in refused} == {("refused", True)}
    assert refused[0].problems[0].startswith("not one person's photos (2 of 6 faces are of one")
    assert set(holdings(gallery)) == {"ada"}
    photos = plan([str(folder)]).photos
    list(enroll(gallery, photos, rules=Rules(accept_mixed=True), options=FakeOptions()))
    assert len(holdings(gallery)["Italy 2021"]) == 6


def test_the_rest_of_a_mixed_folder_is_not_enrolled_either(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.people.enrollment.BATCH", 6)
    folder = holiday(tmp_path, *["red", "green", "blue"] * 3, name="b")
    people(tmp_path, a="red", c="green")
    outcomes = run(gallery, folder)
    assert [each.status for each in outcomes] == ["enrolled"] * 3 + ["refused"] * 9 + ["enrolled"] * 3
    assert [Path(each.source).parent.name for each in outcomes] == [each.subject for each in outcomes]
    assert set(holdings(gallery)) == {"a", "c"}


def test_pictures_unlike_all_that_is_stored_of_a_person_are_not_theirs(
    gallery: Gallery, tmp_path: Path
) -> None:
    folder = people(tmp_path, ada="red")
    run(gallery, folder)
    for number in range(3, 9):
        photo(folder / "ada" / f"{number}.png", "green", seed=number)
    assert sum(each.mixed for each in run(gallery, folder)) == 6
    assert len(holdings(gallery)["ada"]) == 3


@pytest.mark.parametrize("colors", [("red", "green", "blue"), ("red",) * 4 + ("blue",) * 2])
def test_few_pictures_and_a_few_wrong_ones_are_only_warned_of(
    gallery: Gallery, tmp_path: Path, colors: tuple[str, ...]
) -> None:
    outcomes = run(gallery, holiday(tmp_path, *colors))
    assert {each.status for each in outcomes} == {"enrolled"}
    assert any("unlike the other pictures of this person" in " ".join(each.problems) for each in outcomes)
