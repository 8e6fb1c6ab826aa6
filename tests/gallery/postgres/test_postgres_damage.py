"""What somebody else changed in the tables is damage, and gives no name."""

import pytest
from gallery_samples import create_at, people, settings, template

pytest.importorskip("psycopg")

from facekit.errors import GalleryError
from facekit.gallery import create_gallery, open_gallery
from facekit.gallery.postgres import gallery as postgres_gallery
from facekit.gallery.postgres import indexing


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE {}.templates SET vector = (SELECT vector FROM {}.templates WHERE id = 3) WHERE id = 2",
        "UPDATE {}.subjects SET name = 'Eve' WHERE id = 1",
        "DELETE FROM {}.templates WHERE id = 2",
        "UPDATE {}.settings SET value = '0.01' WHERE key = 'threshold'",
        "UPDATE {}.state SET value = '1' WHERE key = 'templates'",
        "UPDATE {}.templates SET box = '[0, 0, 1, 1]'",
    ],
)
def test_what_somebody_else_changed_is_damage_and_gives_no_name(place, sql, damage, monkeypatch):
    create_at(place, people(4)).close()
    sql(damage.replace("{}", f'"{place.address.schema}"'))
    for most in (3, indexing.IN_MEMORY):
        monkeypatch.setattr(indexing, "IN_MEMORY", most)
        for asked in (0, 100):
            monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", asked)
            with pytest.raises(GalleryError, match="damaged"), open_gallery(place) as gallery:
                gallery.search(template("person 000").vector[None], 20)
    with pytest.raises(GalleryError, match="damaged"), open_gallery(place, write=True) as gallery:
        gallery.add([template("Ann")])
    assert place.check()


def test_a_wrong_mark_of_a_poor_template_is_found(place, sql, monkeypatch):
    create_gallery(place, settings(poor_from=0.01), templates=people(4)).close()
    sql(f'UPDATE "{place.address.schema}".templates SET poor = true WHERE id = 2')
    assert [problem.kind for problem in place.check()] == ["rows"]
