"""The scan of a server gives the same answers as the index in memory; an approximate one is asked for."""

import numpy as np
import pytest
from gallery_samples import create_at, names, people, random_vectors, settings, template

from postgres.server_samples import POOR, PROBES, one_line

pytest.importorskip("psycopg")

from facekit.errors import GalleryError, UsageError
from facekit.gallery import create_gallery, open_gallery, place_of
from facekit.gallery.postgres import approximate, indexing, scanning
from facekit.gallery.postgres import gallery as postgres_gallery
from facekit.gallery.postgres.gallery import upgrade
from facekit.verbs.gallery import gallery_check


def by_server_and_in_memory(place, probes, k, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    answers = []
    for asked in (10**6, 0):
        monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", asked)
        with open_gallery(place) as gallery:
            answers.append(gallery.search(probes, k))
    return answers


def test_the_servers_scan_gives_the_same_answers_to_the_last_bit(place, tmp_path, monkeypatch):
    """Also if scores differ by less than half precision tells, are equal, or a poor template is the best."""
    base = random_vectors(1, seed=1)[0].astype(np.float64)
    near = [base + 1e-4 * random_vectors(1, seed=seed)[0] for seed in range(2, 60)]
    close = [
        template(f"near {number:02}", vector=(v / np.linalg.norm(v)).astype(np.float32))
        for number, v in enumerate(near)
    ]
    alike = [template(f"alike {number}", vector=close[0].vector) for number in range(3)]
    poor = [template("near 03", 1, vector=close[5].vector, quality=POOR), template("only", 0, quality=POOR)]
    everybody = [*people(30, 3), *close, *alike, *poor]
    with create_gallery(tmp_path / "a.db", settings(poor_from=0.01), templates=everybody) as file:
        probes = np.concatenate([PROBES, np.stack([item.vector for item in (*close[:6], *poor)])])
        create_gallery(place, settings(poor_from=0.01), templates=everybody).close()
        for k in (1, 2, 5, 40, 200):
            expected = file.search(probes, k)
            assert by_server_and_in_memory(place, probes, k, monkeypatch) == [expected, expected]


def test_the_margin_of_the_servers_scan_is_proven():
    """Above the true error of half precision, for vectors that make it large."""
    generator = np.random.default_rng(3)
    for dimension in (8, 128, 256, 512):
        for sparse in (1.0, 0.05):
            vectors = generator.standard_normal((200, dimension)) * (
                generator.random((200, dimension)) < sparse
            )
            vectors[:, 0] += 1e-3
            vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
            half = vectors.astype(np.float16).astype(np.float32)
            off = np.abs(half @ half.T - vectors.astype(np.float64) @ vectors.T.astype(np.float64)).max()
            assert 2 * off <= scanning.margin_of(dimension)


def test_an_approximate_index_is_used_only_where_the_address_asks_for_it(address, monkeypatch):
    near = place_of(address(index="hnsw"))
    with create_at(near, people(40)) as gallery:
        exact = place_of(address()).open()
        assert gallery.search(PROBES) == exact.search(PROBES)
        probe = template("person 007").vector[None]
        assert gallery.search(probe, 1)[0][0].score == exact.search(probe, 1)[0][0].score
        gallery.add([template("Ann")])
        gallery.remove(["person 003"])
        assert names(gallery.search(template("Ann").vector[None], 1)) == [["Ann"]]
        # One that looks at a single row has few to give; a scan has all.
        monkeypatch.setattr(approximate, "EF_SEARCH", 1)
        assert len(gallery.search(PROBES, 20)[0]) < 20
        assert len(exact.search(PROBES, 20)[0]) == 20
        exact.close()


def test_the_check_tells_how_many_neighbors_the_index_finds(address, monkeypatch):
    near = place_of(address(index="hnsw"))
    create_at(near, people(40)).close()
    told = []
    assert gallery_check(gallery=near, on_note=told.append).intact
    assert "finds 100.0% of the 5 people nearest to 100 enrolled faces, and 100.0% of those" in told[0]
    monkeypatch.setattr(approximate, "EF_SEARCH", 2)
    assert "100.0%" not in str(near.recall())
    assert gallery_check(gallery=place_of(address()), on_note=told.append).intact
    assert len(told) == 1


def test_an_index_that_is_missing_is_made_by_the_owner(address, place):
    create_at(place, people(3)).close()
    near = place_of(address(index="hnsw"))
    with pytest.raises(
        GalleryError, match="has no index hnsw: its owner makes it with facekit gallery upgrade"
    ) as raised:
        near.open()
    one_line(raised)
    assert near.argument in str(raised.value)
    upgrade(near)
    with near.open() as gallery:
        assert names(gallery.search(template("person 001").vector[None], 1)) == [["person 001"]]
    with pytest.raises(UsageError, match="no index 'ivf'"):
        place_of(address(index="ivf"))
