"""Training of the detector network: photos, views, targets, and a run that stops and goes on."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("torchvision")

import torch
from click.testing import CliRunner
from torch import Tensor
from torch.optim import swa_utils

from facekit.cli import group
from facekit.detection.network import ANSWERS, decode, grid
from facekit.errors import FacekitError, UsageError, WeightsError
from facekit.models import runtime
from facekit.results import Detection
from facekit.training import (
    checkpoint,
    detector,
    detector_pictures,
    detector_targets,
    detector_views,
    imitation,
    manifest,
)
from facekit.training.detector_network import DetectorNetwork, to_onnx
from facekit.training.detector_pictures import COLUMNS, FACE, IGNORED, Labels, Photo
from facekit.training.detector_targets import YuNetDetector

TEACHER = Path(__file__).parents[3] / "shared/models/yunet_n.onnx"
FIVE = [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]


def face(x0: float, y0: float, side: float) -> list[float]:
    points = np.array([x0, y0]) + side * np.array(FIVE)
    return [x0, y0, x0 + side, y0 + side, *points.ravel()]


def photo(name: str = "a.png", *rows: tuple[list[float], bool]) -> Photo:
    pixels = np.random.default_rng(len(name)).integers(0, 256, (120, 160, 3), np.uint8)
    return Photo(name, pixels, Labels.of(rows or [(face(60, 40, 40), FACE)]))


def answers(scores: np.ndarray, boxes: np.ndarray) -> detector_targets.Answers:
    count = len(scores)
    features = np.zeros((count, detector_targets.FEATURES), np.float32)
    points, places = np.zeros((count, 5, 2), np.float32), np.zeros((count, 14), np.float32)
    return detector_targets.Answers(scores, boxes, points, features, places, [])


def folder(where: Path, count: int) -> tuple[Path, Path]:
    """Pictures with one face each, and the table of them."""
    pictures, table = where / "photos", where / "faces.csv"
    pictures.mkdir()
    chance = np.random.default_rng(5)
    photos = []
    for number in range(count):
        pixels = chance.integers(0, 256, (12, 16, 3), np.uint8)
        image = Image.fromarray(pixels).resize((160, 120), Image.Resampling.BILINEAR)
        image.save(pictures / f"{number:02}.png")
        photos.append(Photo(f"{number:02}.png", np.asarray(image), Labels.of([(face(60, 40, 40), FACE)])))
    detector_pictures.write(photos, table)
    return pictures, table


def test_a_table_that_was_written_says_the_same_when_read(tmp_path: Path) -> None:
    pictures, table = folder(tmp_path, 2)
    first, _ = detector_pictures.read(pictures, table)
    assert first.labels.boxes.tolist() == [[60, 40, 100, 80]]
    assert first.labels.points[0] == pytest.approx(np.array(face(60, 40, 40)[4:]).reshape(5, 2), abs=0.05)


def test_a_table_without_points_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("picture,kind,x0\na.png,face,1\n")
    with pytest.raises(UsageError, match=r"faces\.csv.*p0x"):
        detector_pictures.read(tmp_path, tmp_path / "faces.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("40.0", "nan"), r"faces\.csv: line 2: has places"),
        (("40.0", "much"), r"faces\.csv: line 2: .*much"),
        (("60.0,", ""), r"faces\.csv: line 2 has 15 cells, the header 16"),
        (("00.png", "gone.png"), r"faces\.csv: names a picture .*gone\.png: No such file"),
    ],
)
def test_a_table_that_makes_no_sense_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    pictures, table = folder(tmp_path, 1)
    head, row = table.read_text().splitlines()
    table.write_text(f"{head}\n{row.replace(*change, 1)}\n")
    with pytest.raises(FacekitError, match=message):
        detector_pictures.read(pictures, table)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_nothing_is_waited_for_that_is_no_file(tmp_path: Path) -> None:
    pictures, table = folder(tmp_path, 1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (pictures / "00.png").unlink()
    os.mkfifo(pictures / "00.png")
    for read in (
        lambda: detector_pictures.read(pictures, table),
        lambda: detector_pictures.read(pipe, table),
        lambda: detector_pictures.read(pictures, pipe),
        lambda: detector_pictures.faceless(pipe),
        lambda: YuNetDetector(pipe),
        lambda: manifest.update(pipe, {}),
    ):
        with pytest.raises(FacekitError, match="regular file"):
            read()


def test_a_face_that_the_second_detector_doubts_is_uncertain(tmp_path: Path) -> None:
    pictures, table = folder(tmp_path, 1)
    numbers = ",".join(str(value) for value in face(60, 40, 40))
    table.write_text(f"picture,kind,{','.join(COLUMNS)},scrfd\n00.png,face,{numbers},0.3\n")
    assert [
        detector_pictures.read(pictures, table, least=least)[0].labels.certain.tolist() for least in (0, 0.4)
    ] == [[True], [False]]


def test_the_parts_are_always_the_same_and_share_no_series() -> None:
    photos = [photo(f"{number:04}.png") for number in range(400)]
    for number, each in enumerate(photos):
        each.pixels[:] = np.random.default_rng(number).integers(0, 256, each.pixels.shape, np.uint8)
    parts = detector_pictures.split(photos)
    names = [{each.name for each in part} for part in (parts.training, parts.validation, parts.held_out)]
    series = [{int(name[:4]) // 10 for name in part} for part in names]
    assert not series[0] & series[1] | series[0] & series[2] | series[1] & series[2]
    assert 40 < len(parts.held_out) < 160
    again = detector_pictures.split(photos)
    assert [each.name for each in again.held_out] == [each.name for each in parts.held_out]


def test_a_copy_of_a_photo_that_is_kept_back_is_not_learned_from() -> None:
    photos = [photo(f"{number:04}.png") for number in range(400)]  # all look alike
    assert not detector_pictures.split(photos).training


def test_what_one_detector_sees_alone_is_uncertain() -> None:
    def seen(x: float) -> Detection:
        points = np.array(face(x, 0, 40)[4:], np.float32).reshape(5, 2)
        return Detection((x, 0.0, x + 40, 40.0), 0.9, points)

    labels = detector_pictures.agreed([seen(0), seen(100)], [seen(4), seen(200)])
    assert labels.certain.tolist() == [True, False, False]
    assert labels.boxes[0].tolist() == [2, 0, 42, 40]


def test_boxes_and_points_follow_the_photo_into_a_view() -> None:
    matrix = np.array([[-2.0, 0, 320], [0, 2.0, -40]])  # mirrored, twice as large
    view, labels = detector_views.placed(photo(), matrix, (320, 160), np.random.default_rng(1))
    assert view.shape == (160, 320, 3)
    assert labels.boxes[0].tolist() == [120, 40, 200, 120]
    eyes = labels.points[0, :2]
    assert eyes[0, 0] < eyes[1, 0], "the left eye is the left one as seen, mirrored too"
    assert labels.certain.tolist() == [True]


@pytest.mark.parametrize(("shift", "certain"), [(0, True), (-75, True), (-85, False)])
def test_a_face_cut_off_by_the_edge_is_uncertain(shift: float, certain: bool) -> None:
    matrix = np.array([[1.0, 0, shift], [0, 1.0, 0]])
    labels = detector_views.moved(photo().labels, matrix, (160, 120))
    assert labels.certain.tolist() == [certain]


def test_views_come_from_the_seed_and_are_whole() -> None:
    views = [
        detector_views.make([photo()], np.ones(1), 256, np.random.default_rng(seed)) for seed in (1, 1, 2)
    ]
    assert (views[0].pixels == views[1].pixels).all()
    assert (views[0].pixels != views[2].pixels).any()
    spoiled = detector_views.spoiled(views[0], np.random.default_rng(3))
    assert spoiled.shape == (256, 256, 3)
    assert spoiled.dtype == np.uint8


def one_face(*rows: list[float]) -> detector_views.View:
    labels = Labels.of([(row, FACE) for row in rows])
    return detector_views.View(np.full((160, 160, 3), 90, np.uint8), labels, 0.0)


def test_another_face_lies_where_the_points_say_and_the_rest_stays_as_it_was() -> None:
    view = one_face(face(40, 40, 80))
    crops = np.zeros((1, 112, 112, 3), np.uint8)
    crops[:, :, ::8] = 255
    changed = detector_views.exchanged(view, crops, 1.0, np.random.default_rng(1))
    rows, columns = np.nonzero((changed.pixels != view.pixels).any(axis=2))
    assert 30 < rows.min() < 60 < 100 < rows.max() < 150
    assert 30 < columns.min() < 60 < 100 < columns.max() < 130
    inside = changed.pixels[80:100, 70:90].astype(float)
    assert inside.std() > 20
    assert changed.labels is view.labels
    assert (view.pixels == 90).all()


def test_profiles_and_tiny_faces_keep_their_own_face() -> None:
    crops = np.zeros((1, 112, 112, 3), np.uint8)
    profile = face(40, 40, 80)
    profile[4], profile[6] = 80.0, 84.0
    for row in (profile, face(40, 40, 12)):
        view = one_face(row)
        changed = detector_views.exchanged(view, crops, 1.0, np.random.default_rng(1))
        assert (changed.pixels == view.pixels).all()


def test_what_hides_a_face_leaves_part_of_it() -> None:
    view = one_face(face(40, 40, 80))
    colorful = np.random.default_rng(0).integers(0, 256, view.pixels.shape, np.uint8)
    hidden = []
    for seed in range(400):
        pixels = colorful.copy()
        detector_views.cover(pixels, view.labels.points[0], np.random.default_rng(seed))
        changed = (pixels != colorful).any(axis=2)
        hidden.append(changed[45:115, 45:115].mean())
    assert 0.2 < np.mean(np.array(hidden) > 0.01) < 0.4
    assert max(hidden) < 0.85


def test_views_of_pictures_without_a_face_come_as_often_as_was_asked() -> None:
    recipe = detector.Recipe(batch=1, faceless=0.25)
    empty = Photo("dog.png", np.full((50, 60, 3), 77, np.uint8), Labels.of([]))
    views = detector.Views([photo()], [], None, recipe, [empty])
    made = [views.view(64, np.random.default_rng(seed)) for seed in range(200)]
    without = [view for view in made if view.faceless]
    assert 30 < len(without) < 70
    assert all(len(view.labels.boxes) == 0 for view in without)
    none = detector.Views([photo()], [], None, recipe)
    assert not any(none.view(64, np.random.default_rng(seed)).faceless for seed in range(20))


def test_a_face_the_teacher_misses_is_wanted_all_the_same() -> None:
    labels = Labels.of([(face(60, 40, 40), FACE)])
    places = grid(128, 160)
    nothing = answers(np.zeros(len(places), np.float32), np.zeros((len(places), 4), np.float32))
    targets = detector_targets.of_view(labels, nothing, 128, 160)
    wanted = places[targets.faces == 0]
    assert len(wanted)
    assert targets.scores[targets.faces == 0].min() > 0.8
    middles = (wanted[:, :2] + 0.5) * wanted[:, 2:]
    assert np.abs(middles - [80, 60]).max() <= 8


def test_what_the_teacher_takes_for_a_face_is_taken_back_but_not_where_it_is_uncertain() -> None:
    labels = Labels.of([(face(0, 0, 40), IGNORED)])
    places = grid(128, 160)
    scores, boxes = np.zeros(len(places), np.float32), np.zeros((len(places), 4), np.float32)
    scores[[0, 200]], boxes[0], boxes[200] = 0.9, (0, 0, 40, 40), (100, 80, 140, 120)
    targets = detector_targets.of_view(labels, answers(scores, boxes), 128, 160)
    assert targets.scores[0] == pytest.approx(0.9)
    assert targets.scores[200] < 0.1
    assert (targets.faces == -1).all()


def test_what_only_looks_like_a_face_is_shown_and_wanted_nowhere(tmp_path: Path) -> None:
    table = tmp_path / "faces.csv"
    empty = "," * 10
    table.write_text(
        f"picture,kind,{','.join(COLUMNS)}\n00.png,none,10,20,50,60{empty}\n01.png,none,,,,{empty}\n"
    )
    for name in ("00.png", "01.png"):
        Image.new("RGB", (160, 128)).save(tmp_path / name)
    clock, blank = detector_pictures.read(tmp_path, table)
    assert clock.labels.denied.tolist() == [True]
    assert not clock.labels.certain.any()
    assert not len(blank.labels.boxes)
    assert not len(clock.labels.countable()[0])
    places = grid(128, 160)
    scores, boxes = np.zeros(len(places), np.float32), np.zeros((len(places), 4), np.float32)
    scores[44], boxes[44] = 0.9, (10, 20, 50, 60)
    targets = detector_targets.of_view(clock.labels, answers(scores, boxes), 128, 160)
    assert targets.scores.max() < 0.1
    assert targets.weights[44] > 1
    chances = [np.random.default_rng(seed) for seed in range(30)]
    views = [detector_views.make([clock], np.ones(1), 96, chance) for chance in chances]
    assert np.mean([view.labels.denied.any() for view in views]) > 0.7


def test_the_network_is_small_and_its_file_takes_any_size_of_picture() -> None:
    network = DetectorNetwork()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 150_000
    exported = to_onnx(network)
    assert len(exported) <= 400_000
    loaded = runtime.load(exported, threads=1)
    for height, width in ((64, 96), (320, 256)):
        pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3)).astype(np.float32)
        answers = loaded(pixels)[0]
        assert answers.shape == (len(grid(height, width)), ANSWERS)
        assert 0 <= answers[:, 0].min() <= answers[:, 0].max() <= 1


def maps_of(network: DetectorNetwork, pictures: Tensor) -> list[Tensor]:
    """What each unit makes of pictures, as a teacher of the same form tells it."""
    made: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: made.update({name: output.detach()})

    names = ["stem", *(f"body.{place}" for place in range(11))]
    names += [f"joints.{level}" for level in (2, 1, 0)] + [f"heads.{level}" for level in (0, 1, 2)]
    hooks = [network.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    network(pictures)
    for hook in hooks:
        hook.remove()
    return [made[name] for name in names]


def test_units_that_see_the_maps_of_a_network_like_theirs_make_what_it_makes() -> None:
    network = DetectorNetwork().eval()
    pictures = torch.rand(2, 3, 64, 96) * 255
    with torch.no_grad():
        maps = maps_of(network, pictures)
        seen, made = network.imitated(pictures, maps)
        assert torch.allclose(seen, network(pictures), atol=1e-4)
    assert len(made) == detector_targets.UNITS
    for ours, theirs in zip(made, maps, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_imitating_a_teacher_brings_each_unit_nearer_to_the_teachers() -> None:
    torch.manual_seed(3)
    teacher, network = DetectorNetwork().eval(), DetectorNetwork()
    pictures = torch.randint(0, 256, (4, 3, 64, 64)).to(torch.uint8)
    with torch.no_grad():
        maps = maps_of(teacher, pictures.float())
        told = teacher(pictures.float())
    lesson = imitation.Lesson(pictures, told[..., 0].sigmoid(), told[..., 1:], maps)
    before = float(imitation.distance(network, lesson).detach())
    imitation.imitate(network, [lesson] * 40)
    assert float(imitation.distance(network, lesson).detach()) < before / 3


def test_a_run_that_is_taken_up_imitates_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[DetectorNetwork] = []
    monkeypatch.setattr(imitation, "imitate", lambda network, *rest, **words: done.append(network))
    views = detector.Views([photo()], [], tmp_path / "teacher.onnx", detector.Recipe(imitation=3))
    run = detector.Training(views.recipe)
    run.imitate(views, lambda step, steps: None)
    run.save(tmp_path / "last.safetensors", [])
    again = detector.Training(views.recipe)
    again.load(tmp_path / "last.safetensors")
    again.imitate(views, lambda step, steps: None)
    assert done == [run.network]


def test_a_larger_network_begins_with_the_answers_of_a_smaller_one(tmp_path: Path) -> None:
    small = detector.Training(detector.Recipe())
    with torch.no_grad():  # as if it had learned
        for unit in small.network.further.parameters():
            unit.add_(0.1)
    small.averaged.module.load_state_dict(small.network.state_dict())
    small.save(tmp_path / "small.safetensors", [])
    large = detector.Training(detector.Recipe(further=(2, 6, 6)))
    assert sum(parameter.numel() for parameter in large.network.parameters()) <= 150_000
    large.begin_with(tmp_path / "small.safetensors")
    pictures = torch.rand(1, 3, 64, 96) * 255
    before, after = (run.averaged.module.eval()(pictures) for run in (small, large))
    assert torch.allclose(before, after, atol=1e-4)
    assert torch.equal(after, large.network.eval()(pictures))
    assert large.step == 0
    assert large.imitated


def test_a_network_of_other_widths_is_no_beginning(tmp_path: Path) -> None:
    other = detector.Training(detector.Recipe())
    other.network = DetectorNetwork(few=8)
    other.averaged = swa_utils.AveragedModel(other.network, use_buffers=True)
    other.save(tmp_path / "other.safetensors", [])
    run = detector.Training(detector.Recipe())
    with pytest.raises(WeightsError, match=r"other\.safetensors: is of another network"):
        run.begin_with(tmp_path / "other.safetensors")


def test_an_answer_of_nothing_is_a_box_of_one_stride_at_the_cells_corner() -> None:
    places = grid(64, 64)
    boxes, points = decode(np.zeros((len(places), ANSWERS - 1), np.float32), places)
    assert boxes[9].tolist() == [4, 4, 12, 12]
    assert points[9].tolist() == [[8, 8]] * 5
    assert boxes[-1].tolist() == [16, 16, 48, 48]


def test_losses_fall_and_a_run_that_is_taken_up_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    recipe = detector.Recipe(steps=4, batch=2, warmup=1, workers=0, validate_every=2)
    views = detector.Views([photo()], [], None, recipe)
    whole = detector.Training(recipe)
    detector.train(whole, views, [photo()], tmp_path / "whole")
    half = detector.Training(recipe)
    for step in range(2):
        half.learn(views[step])
    half.save(tmp_path / "half.safetensors", [])
    second = detector.Training(recipe)
    assert second.load(tmp_path / "half.safetensors") == []
    detector.train(second, views, [photo()], tmp_path / "second")
    for name in (checkpoint.LAST, detector.EXPORTED):
        assert (tmp_path / "second" / name).is_file()
    for before, after in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert before.detach().numpy() == pytest.approx(after.detach().numpy(), abs=1e-5)


def test_the_command_trains_and_refuses_to_write_over_a_run(tmp_path: Path) -> None:
    pictures, table = folder(tmp_path, 30)
    options = ["--steps", "2", "--batch", "2", "--validate-every", "2"]
    command = ["train-detector", str(pictures), str(table), *options, "-o", str(tmp_path / "run")]
    done = CliRunner().invoke(group, command)
    assert done.exit_code == 0, done.stderr
    assert 100_000 < (tmp_path / "run" / detector.EXPORTED).stat().st_size <= 400_000
    refused = CliRunner().invoke(group, command)
    assert refused.exit_code != 0
    assert "--resume" in refused.stderr
    refused = CliRunner().invoke(group, [*command, "--resume", "--init", str(tmp_path / "run")])
    assert (refused.exit_code, "give one of them" in refused.stderr) == (2, True)
    np.save(tmp_path / "crops.npy", np.zeros((3, 112, 112, 3), np.uint8))
    command[-1] = str(tmp_path / "second")
    begun = ["--init", str(tmp_path / "run"), "--crops", str(tmp_path / "crops.npy")]
    begun += ["--further", "1", "2", "3"]
    done = CliRunner().invoke(group, [*command, *begun])
    assert done.exit_code == 0, done.stderr
    smaller = CliRunner().invoke(group, [*command, "--resume"])
    assert (smaller.exit_code, "is of another network" in smaller.stderr) == (1, True)


@pytest.mark.skipif(not TEACHER.is_file(), reason="needs a YuNet network, which is not part of facekit")
def test_the_teachers_answers_are_read_as_boxes_on_faces() -> None:
    astronaut = np.asarray(Image.open(Path(__file__).parents[1] / "data/astronaut.png").convert("RGB"))
    found = YuNetDetector(TEACHER).detect(astronaut, min_face=20)
    x0, y0, x1, y1 = found[0].box
    points = found[0].points
    assert points is not None
    assert ((points > [x0, y0]) & (points < [x1, y1])).all()
    assert points[0, 0] < points[1, 0]


@pytest.mark.parametrize("name", ["detector-network.onnx", "metrics.csv", "curve.png"])
def test_a_new_run_takes_the_place_of_no_file_that_no_run_wrote(tmp_path: Path, name: str) -> None:
    for file in ("photos/a.png", "faces.csv", f"out/{name}"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"mine")
    command = ["train-detector", str(tmp_path / "photos"), str(tmp_path / "faces.csv"), "-o"]
    result = CliRunner().invoke(group, [*command, str(tmp_path / "out")])
    assert (result.exit_code, f"{name}: is there already" in result.stderr) == (2, True)
    assert (tmp_path / "out" / name).read_bytes() == b"mine"
    result = CliRunner().invoke(group, [*command, str(tmp_path / "photos" / "run")])
    assert (result.exit_code, "lies inside" in result.stderr) == (2, True)
