"""Search is exact: candidates and scores are those of the exactly rounded dot product, to the last bit."""

import math

import numpy as np
import pytest
from gallery_samples import names, people, random_vectors, settings, template

from facekit.calibration.threshold import Calibration
from facekit.errors import UsageError
from facekit.gallery import create_gallery
from facekit.people.identification import name_faces
from facekit.results import Candidate, Detection, Face, Quality

POOR = {"size": 50.0, "stranger_rate": 0.4}
GOOD = {"size": 50.0, "stranger_rate": 0.001}


def score(probe, vector):
    products = probe.astype(np.float64) * vector.astype(np.float64)
    return min(1.0, max(-1.0, math.fsum(products.tolist())))


def best_of(templates, probe, k):
    best = {}
    for item in templates:
        best[item.subject] = max(score(probe, item.vector), best.get(item.subject, -1.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:k]
    return [Candidate(rank, *item) for rank, item in enumerate(ranked, start=1)]


def face(vector):
    points, crop = np.zeros((5, 2), np.float32), np.zeros((112, 112, 3), np.uint8)
    return Face(Detection((0, 0, 9, 9), 1.0), points, crop, vector, Quality(9, 9, 9, 0))


def test_candidates_and_scores_are_exact_and_do_not_depend_on_the_batch(gallery):
    templates = people(25, 3)
    gallery.add(templates)
    near = [item.vector + np.float32(0.05) * random_vectors(1, seed=7)[0] for item in templates[:6]]
    probes = np.concatenate([random_vectors(6, seed=5), near / np.linalg.norm(near, axis=1)[:, None]])
    for k in (1, 5, 100):
        found = gallery.search(probes, k)
        assert found == [best_of(templates, probe, k) for probe in probes.astype(np.float32)]
        assert [gallery.search(probe[None], k)[0] for probe in probes] == found
        assert gallery.matrix().search(probes.astype(np.float32), k) == found


def test_an_empty_gallery_knows_nobody(gallery):
    assert gallery.search(random_vectors(2)) == [[], []]
    assert gallery.subjects() == []


def test_equal_scores_stand_by_name_and_name_nobody(gallery):
    vector = template("x").vector
    gallery.add([template(name, vector=vector) for name in ("Cem", "Ann", "Bob")])
    (found,) = gallery.search(vector[None], 2)
    assert [(candidate.subject, candidate.score) for candidate in found] == [
        ("Ann", found[0].score),
        ("Bob", found[0].score),
    ]
    (identified,) = name_faces(gallery, [face(vector)], threshold=0.1)
    assert (identified.subject, identified.reason) == (None, "ambiguous")


def test_a_poor_template_counts_only_if_its_subject_has_no_other(new_place):
    alone, second = template("poor alone", quality=POOR), template("has both", 1, quality=POOR)
    templates = [template("has both", quality=GOOD), second, alone, *people(4)]
    with create_gallery(new_place(), settings(poor_from=0.01), templates=templates) as gallery:
        (found,) = gallery.search(second.vector[None], 9)
        assert next(each.score for each in found if each.subject == "has both") < 0.9
        best = gallery.search(alone.vector[None], 1)[0][0]
        assert (best.subject, best.poor, round(best.score, 4)) == ("poor alone", True, 1.0)
        gallery.add([template("late", quality=POOR)])
        assert gallery.search(template("late").vector[None])[0][0].poor
    with create_gallery(new_place(), settings(), templates=templates) as without_limit:
        assert not without_limit.search(alone.vector[None])[0][0].poor


def test_a_search_has_a_whole_number_of_answers(gallery):
    for wrong in (0, -1, None, 1.5, True):
        with pytest.raises(UsageError, match="k is"):
            gallery.search(template("Ann").vector[None], wrong)


def test_the_index_is_the_same_as_long_as_the_content_is(gallery):
    gallery.add(people(5))
    index = gallery.matrix()
    assert gallery.matrix() is index
    gallery.add([template("Ann")])
    assert gallery.matrix() is not index
    assert names(gallery.matrix().search(template("Ann").vector[None], 1)) == [["Ann"]]
    # One that is kept does not see who came later, and still answers.
    assert names(index.search(template("person 003").vector[None], 1)) == [["person 003"]]


def test_a_face_that_is_like_many_has_no_name_whatever_keeps_the_gallery(place):
    """Ten people whose pictures have something in common, as those of a poor camera have."""
    axes = np.eye(len(random_vectors(1)[0]), dtype=np.float32)
    enrolled = [np.float32(0.6) * axes[0] + np.float32(0.8) * axes[number] for number in range(1, 11)]
    stranger = (0.9 * axes[0] + 0.2 * axes[1] + np.sqrt(0.15) * axes[20]).astype(np.float32)
    templates = [template(f"p{number}", vector=vector) for number, vector in enumerate(enrolled)]
    calibration = Calibration(0.4, "x", 0.03, templates=60)
    with create_gallery(place, settings(calibration=calibration), templates=templates) as gallery:
        [unknown, known] = name_faces(gallery, [face(stranger), face(enrolled[3])])
        assert (unknown.subject, unknown.reason, unknown.contenders) == (None, "like_many", ("p0",))
        assert unknown.score == pytest.approx(0.7, abs=1e-6)
        assert (known.subject, known.reason) == ("p3", None)
        [chosen] = name_faces(gallery, [face(stranger)], threshold=0.4)
        assert chosen.subject == "p0", "a threshold that was asked for is taken as it is"
        gallery.set_calibration(calibration)
        [calibrated] = name_faces(gallery, [face(stranger)])
        assert calibrated.subject == "p0"
