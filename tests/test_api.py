"""`import facekit`: the verbs of the command line, typed, and nothing heavy until they are used."""

import inspect
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import DIMENSION, FakeFrameDetector, FakeOptions, photo

import facekit
from facekit.calibration.threshold import Calibration
from facekit.gallery import GallerySettings, create_gallery
from facekit.people import identification
from facekit.verbs.galleries import gallery_for_enrollment


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    monkeypatch.chdir(tmp_path)


def test_importing_loads_nothing_heavy() -> None:
    heavy = ("numpy", "PIL", "dlib", "cv2", "click", "sqlite3")
    code = f"import sys, facekit; print([name for name in {heavy} if name in sys.modules])"
    place = Path(facekit.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=place, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("name", facekit.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(facekit, name) is not None
    assert name in dir(facekit)


def test_every_public_name_is_known_to_type_checkers() -> None:
    source = Path(facekit.__file__).read_text()
    assert [name for name in facekit.__all__ if name != "__version__" and f" as {name}\n" not in source] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        facekit.nonsense  # noqa: B018


def test_the_version_is_the_packages() -> None:
    toml = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert f'version = "{facekit.__version__}"' in toml


def test_enroll_identify_and_verify_as_in_the_readme(tmp_path: Path) -> None:
    options = FakeOptions()
    for color in ("red", "green"):
        photo(tmp_path / "gallery" / color / "1.png", color, seed=1)
    report = facekit.enroll("gallery", options=options)
    assert (report.subjects, report.count("enrolled"), report.failed) == (["green", "red"], 2, False)
    group = photo(tmp_path / "group.png", "red", "green", "blue")
    with facekit.open_gallery() as gallery:
        [result] = facekit.identify(group, gallery, options=options)
        assert [face.subject for face in result.faces] == ["red", "green", None]
    assert len(list(facekit.identify([group, "missing.png"], options=options))) == 2
    assert facekit.verify(group, photo(tmp_path / "red.png", "red"), options=options).same
    assert [len(reading.faces) for reading in facekit.embed("gallery", options=options)] == [1, 1]


def test_error_rates_are_measured_as_by_the_command(tmp_path: Path) -> None:
    options = FakeOptions()
    for color in ("red", "green", "blue"):
        for seed in (1, 2):
            photo(tmp_path / "people" / color / f"{seed}.png", color, seed=seed)
    rows = ["a,b,mated", "red/1.png,red/2.png,1", "red/1.png,blue/1.png,0"]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    found = facekit.evaluate_verification("people", pairs="pairs.csv", threshold=0.6, options=options)
    assert (found.report.mated, found.report.non_mated, found.report.equal_error) == (1, 1, 0.0)
    assert facekit.evaluate_verification("people", options=options).report.mated == 3
    searched = facekit.evaluate_identification("people", strangers=1, splits=2, options=options).report
    assert (searched.mated, searched.non_mated, searched.ranks[0].value) == (4, 4, 1.0)
    with pytest.raises(facekit.UsageError, match="say what to compare"):
        facekit.evaluate_verification()


def test_errors_are_facekits_own(tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    with pytest.raises(facekit.PictureError, match=r"missing\.png"):
        facekit.verify("a.png", "missing.png", options=FakeOptions())
    with pytest.raises(facekit.GalleryError, match="facekit enroll"):
        facekit.open_gallery(tmp_path / "none.db")
    with pytest.raises(facekit.UsageError, match="sub-folder"):
        facekit.enroll(tmp_path, options=FakeOptions())


def test_an_empty_gallery_that_is_given_is_the_one_enrolled_into(tmp_path: Path) -> None:
    options = FakeOptions()
    photo(tmp_path / "people" / "red" / "1.png", "red", seed=1)
    with gallery_for_enrollment(tmp_path / "mine.db", options.pipeline()) as gallery:
        facekit.enroll("people", gallery, options=options)
        assert [subject.name for subject in gallery.subjects()] == ["red"]
    assert not (tmp_path / "people" / "gallery.db").exists()


def test_register_and_watch_are_verbs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)
    options = FakeOptions()
    for seed in range(6):
        photo(tmp_path / "ada" / f"{seed}.png", "cyan", size=(320, 240), face=100, seed=seed)
    report = facekit.register("Ada", "ada", options=options)
    assert (report.subjects, report.count("enrolled")) == (["Ada"], 3)
    with facekit.open_gallery() as gallery:
        events = list(facekit.watch("ada", gallery, options=options))
    assert [event.kind for event in events] == ["appear", "recognized", "left"]
    (tmp_path / "none").mkdir()
    photo(tmp_path / "none" / "1.png")
    with pytest.raises(facekit.PictureError, match="no frame to enroll"):
        facekit.register("Bob", "none", options=options)


def test_a_gallery_of_another_embedder_is_refused_however_it_is_opened(tmp_path: Path) -> None:
    options, ours = FakeOptions(), photo(tmp_path / "red.png", "red")
    photo(tmp_path / "people" / "red" / "1.png", "red")
    with create_gallery(
        tmp_path / "theirs.db",
        GallerySettings("theirs", "e" * 64, DIMENSION, Calibration(0.5)),
    ) as gallery:
        for verb in (
            lambda: list(facekit.identify(ours, gallery, options=options)),
            lambda: facekit.enroll("people", gallery, options=options),
            lambda: facekit.cluster("people", gallery, options=options),
            lambda: list(facekit.watch("people", gallery, options=options)),
            lambda: identification.identify(options.pipeline(), gallery, facekit.read(ours)),
        ):
            with pytest.raises(facekit.GalleryError, match="made with the embedder"):
                verb()
        assert len(gallery) == 0


def test_a_gallery_may_be_given_by_its_path(tmp_path: Path) -> None:
    options = FakeOptions()
    for color in ("red", "green"):
        photo(tmp_path / "people" / color / "1.png", color, seed=1)
    made = tmp_path / "g.db"
    assert facekit.enroll("people", made, options=options).count("enrolled") == 2
    probe = photo(tmp_path / "x.png", "red", seed=3)
    for place in (made, str(made)):
        [result] = facekit.identify(probe, place, options=options)
        assert [face.subject for face in result.faces] == ["red"]
    found = facekit.cluster([probe], made, options=options)
    assert [group.subject for group in found.groups] == ["red"]
    with facekit.open_gallery(made, write=True) as gallery:  # nobody holds it
        gallery.remove(["red"])
    assert facekit.enroll("people", str(made), options=options).count("removed earlier") == 1
    assert facekit.enroll("people", str(made), again=True, options=options).count("enrolled") == 1


NO_PATHS = [b"photo.jpg", 7, 1.5, object(), [b"a.jpg"], ["a.jpg", 3]]
WRONG = [
    *(7, 1.5, object(), ["a.jpg", 3], io.StringIO("text")),
    *(np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3), np.float32), np.zeros((2, 5, 5, 3), np.uint8)),
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("verb", ["identify", "enroll", "embed", "detect", "cluster"])
def test_inputs_that_are_none_are_told_what_is_taken(verb: str, wrong: object) -> None:
    def call() -> None:
        more = {"subject": "Ada"} if verb == "enroll" else {}
        list(getattr(facekit, verb)(wrong, options=FakeOptions(), **more))

    with pytest.raises(facekit.UsageError, match=r"inputs is .*: give the path"):
        call()


@pytest.mark.parametrize("wrong", [b"g.db", 7, object()])
def test_a_gallery_that_is_none_is_told_what_is_taken(tmp_path: Path, wrong: object) -> None:
    probe, options = photo(tmp_path / "x.png", "red"), FakeOptions()
    calls = [
        lambda: list(facekit.identify(probe, wrong, options=options)),
        lambda: facekit.enroll(probe, wrong, subject="red", options=options),
        lambda: facekit.cluster(probe, wrong, options=options),
        lambda: list(facekit.watch("0", wrong, options=options)),
        lambda: facekit.register("Ada", "0", wrong, options=options),
        lambda: facekit.open_gallery(wrong),
        lambda: facekit.open_gallery(wrong),
    ]
    for call in calls:
        with pytest.raises(facekit.UsageError, match=r"the gallery is of type .*: give a path"):
            call()


def test_other_arguments_that_make_no_sense_are_told(tmp_path: Path) -> None:
    probe, options = photo(tmp_path / "x.png", "red"), FakeOptions()
    for threshold in (float("nan"), 1.5, True, "0.5", "high"):
        with pytest.raises(facekit.UsageError, match="the threshold is"):
            list(facekit.identify(probe, threshold=threshold, options=options))
    with pytest.raises(facekit.UsageError, match="the second picture"):
        facekit.verify(probe, 7, options=options)
    with pytest.raises(facekit.UsageError, match="name is of type int"):
        facekit.enroll(probe, subject=7, options=options)
    with pytest.raises(facekit.UsageError, match="the source is of type int"):
        list(facekit.watch(0, options=options))


@pytest.mark.parametrize("wrong", [0, -1, 1.5, None, True, np.zeros(2)])
def test_whole_numbers_that_make_no_sense_are_told(tmp_path: Path, wrong: object) -> None:
    probe, options = photo(tmp_path / "x.png", "red"), FakeOptions()
    with pytest.raises(facekit.UsageError, match="top is"):
        list(facekit.identify(probe, top=wrong, options=options))
    with pytest.raises(facekit.UsageError, match="frames is"):
        facekit.register("Ada", "0", frames=wrong, options=options)


@pytest.mark.parametrize("wrong", ["photo.jpg", None, np.zeros((5, 5, 3), np.uint8), b"bytes"])
def test_a_picture_that_was_not_read_is_told(wrong: object) -> None:
    with pytest.raises(facekit.UsageError, match=r"give what facekit\.read returns"):
        facekit.Pipeline().faces(wrong)


@pytest.mark.parametrize("wrong", [*NO_PATHS, ""])
def test_folders_to_measure_on_that_are_none_are_told(wrong: object) -> None:
    calls = [
        lambda: facekit.evaluate_identification(wrong, options=FakeOptions()),
        lambda: facekit.evaluate_verification(wrong, options=FakeOptions()),
        lambda: facekit.evaluate_verification(pairs=wrong, options=FakeOptions()),
    ]
    for call in calls:
        with pytest.raises(facekit.UsageError, match=r"the (images|pairs)"):
            call()


def test_one_folder_is_not_taken_letter_by_letter(tmp_path: Path) -> None:
    probe = photo(tmp_path / "people" / "x.png", "red")
    assert facekit.list_pictures("people").pictures == ("people/x.png",)
    assert facekit.list_pictures(tmp_path / "people").pictures == (str(probe),)
    for wrong in WRONG:
        with pytest.raises(facekit.UsageError, match="inputs is"):
            facekit.list_pictures(wrong)


NAN = float("nan")
WRONG_OPTIONS = {
    "detector": (3, None, b"dlib", Path("dlib")),
    "embedder": (3, b"own.onnx", object()),
    "min_face": ("a", NAN, None, 0, -1, True, 24.5),
    "threads": ("2", None, -1, True, 1.5),
    "max_pixels": ("1", NAN, 0, True),
    "jobs": ("2", None, -1, True, 1.5, np.zeros(3, int)),
    "keep_pictures": ("no", 1, None),
    "max_seconds": ("x", NAN, None, 0, -1, True, float("inf"), 10**400, 10**5000),
}


@pytest.mark.parametrize("field", WRONG_OPTIONS)
def test_options_that_make_no_sense_are_told_by_name_with_what_is_taken(field: str) -> None:
    for wrong in WRONG_OPTIONS[field]:
        for taker in (facekit.Options, facekit.Pipeline):
            if field in inspect.signature(taker).parameters:
                with pytest.raises(facekit.UsageError, match=rf"^{field} is .*: give "):
                    taker(**{field: wrong})


def test_options_take_the_numbers_of_numpy_and_paths_as_text() -> None:
    options = facekit.Options(
        embedder="own.onnx", min_face=np.int64(30), jobs=np.int32(2), max_seconds=np.float32(2)
    )
    assert options == facekit.Options(embedder=Path("own.onnx"), min_face=30, jobs=2, max_seconds=2.0)
    assert {type(options.min_face), type(options.jobs)} == {int}


@pytest.mark.parametrize(
    "call",
    [
        *(
            lambda wrong, name=name: list(facekit.find(["Ann"], ["."], **{name: wrong}))
            for name in ("after", "before")
        ),
        *(
            lambda wrong, name=name: next(facekit.watch(".", **{name: wrong}))
            for name in ("max_fps", "detect_every", "seconds")
        ),
        lambda wrong: facekit.gallery_not_subject("a.png", subject="Ann", box=wrong, gallery="g.db"),
        lambda wrong: facekit.gallery_ignore("a.png", group=wrong, gallery="g.db"),
        lambda wrong: facekit.gallery_take_back(wrong, gallery="g.db"),
        lambda wrong: facekit.gallery_create("new.db", embedder=wrong),
        lambda wrong: facekit.calibrate(fpir=wrong, gallery="g.db"),
        *(
            lambda wrong, verb=verb: verb("k", keys=wrong)
            for verb in (facekit.serve_key_add, facekit.serve_key_remove)
        ),
        lambda wrong: facekit.serve_key_list(keys=wrong),
    ],
)
@pytest.mark.parametrize("wrong", [object(), b"x", [None], float("nan")])
def test_words_of_a_verb_that_are_of_another_kind_are_told(
    call: Callable[[object], object], wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(facekit.UsageError, match=r"( is | of type ).*give |four numbers"):
        call(wrong)
    assert list(tmp_path.iterdir()) == []


def test_every_function_says_what_its_options_and_pipeline_are(tmp_path: Path) -> None:
    path = str(photo(tmp_path / "a.png", "red"))
    given: dict[str, Any] = {"options": {"min_face": 16}, "pipeline": "auto"}

    def ask(name: str, what: str) -> None:
        inputs = {"find": ["red", path], "verify": [path, path], "register": ["red", path]}.get(name, [path])
        result = getattr(facekit, name)(*inputs, **{what: given[what]})
        if isinstance(result, Iterator):
            next(result)

    for name in ("identify", "detect", "embed", "cluster", "find", "verify", "watch", "register"):
        for what in given:
            with pytest.raises(facekit.UsageError, match=rf"the {what} (is|are) of type .*: give .*facekit"):
                ask(name, what)


@pytest.mark.parametrize("inputs", ["half \ud800.png", ["half \ud800.png"], {"a.png": 1}])
def test_what_can_be_no_input_is_a_sentence(inputs: Any) -> None:
    with pytest.raises(facekit.UsageError, match=r"no file can have this name|is of type dict"):
        list(facekit.identify(inputs, options=FakeOptions()))
    with pytest.raises(facekit.UsageError):
        facekit.open_gallery("half \ud800.db")
