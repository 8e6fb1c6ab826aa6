"""Where a gallery on a server is, and what is told when it cannot be reached or made."""

import pytest
from gallery_samples import create_at, names, people, random_vectors, settings, template

from postgres.server_samples import one_line

pytest.importorskip("psycopg")

from facekit.errors import FacekitError, GalleryError, UsageError
from facekit.gallery import create_gallery, open_gallery, place_of


def test_a_schema_name_is_data(address, postgres):
    for number, name in enumerate(('"; DROP SCHEMA x; --', "a.b", "Ünïcode ' 1", "%s {} \\")):
        place = place_of(postgres.address(schema=f"{name}{number}"))
        with create_at(place, people(1)):
            assert place_of(place.argument) == place
            with open_gallery(place.argument) as again:
                assert again.names() == ["person 000"]


@pytest.mark.parametrize(
    "wrong",
    ["schema=", "schema=pg_catalog", "schema=information_schema", "schema=" + "x" * 64, "sslpassword=s3cret"],
)
def test_an_address_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError) as raised:
        place_of(f"postgresql://ann@db.example/people?{wrong}")
    assert "s3cret" not in str(raised.value)


def test_a_password_is_in_no_text_of_a_place():
    for text in (
        "postgresql://ann:s3cret@db.example:5433/people?schema=x",
        "postgres://ann@db.example:5433/people?schema=x&password=s3cret",
    ):
        place = place_of(text)
        assert place.address.password == "s3cret"
        assert str(place) == place.argument == "postgresql://ann@db.example:5433/people?schema=x"
        assert "s3cret" not in repr(place)
        assert place == place_of(place.argument)
    for unclear in ("s3#cret", "s3/cret", "s3?cret"):
        with pytest.raises(FacekitError) as raised:
            place_of(f"postgresql://ann:{unclear}@db/x").open()
        assert "s3" not in str(raised.value)


def test_a_server_that_is_away_is_told_in_one_line(tmp_path):
    place = place_of(f"postgresql://ann:s3cret@/x?host={tmp_path}&port=1")
    assert place.exists()  # nobody can tell; opening says why
    for action in (place.open, lambda: place.create(settings()), place.require_writable):
        with pytest.raises(GalleryError, match="cannot be reached") as raised:
            action()
        one_line(raised)
    assert [problem.kind for problem in place.check()] == ["file"]


def test_a_wrong_password_is_told_without_it(postgres, sql):
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    sql("CREATE ROLE careful LOGIN PASSWORD 'right'")
    try:
        rules.write_text(f"local all careful scram-sha-256\n{before}")
        sql("SELECT pg_reload_conf()")
        place = place_of(postgres.address(user="careful:s3cret"))
        for _ in range(100):
            try:
                place.open().close()
            except GalleryError as error:
                message = str(error)
                if "let this user in" in message:
                    break
        assert "password authentication failed" in message
        assert "s3cret" not in message
    finally:
        rules.write_text(before)
        sql("SELECT pg_reload_conf()")
        sql("DROP ROLE careful")


def test_a_database_without_vectors_says_what_to_install(postgres, sql):
    sql("CREATE DATABASE bare")
    sql("CREATE ROLE modest LOGIN")
    sql("GRANT CREATE ON DATABASE bare TO modest")
    place = place_of(postgres.address("bare", user="modest"))
    with pytest.raises(GalleryError, match="has no extension vector") as raised:
        create_gallery(place, settings())
    one_line(raised)
    assert not place.exists()


def test_a_schema_without_a_gallery_says_how_to_make_one(place):
    with pytest.raises(GalleryError, match="there is no gallery: make one with facekit gallery create"):
        place.open()


def test_a_database_that_can_only_be_read_says_so(place, sql):
    with create_at(place, people(1)) as gallery:
        pass
    sql("ALTER ROLE facekit SET default_transaction_read_only = on")
    try:
        with place.open(write=True) as gallery, pytest.raises(GalleryError, match="can only be read"):
            gallery.add([template("Ann")])
    finally:
        sql("ALTER ROLE facekit RESET default_transaction_read_only")


def test_vectors_longer_than_the_extension_has_are_refused(place):
    with pytest.raises(UsageError, match="at most 16000"):
        create_gallery(place, settings(dimension=16_384))
    assert not place.exists()


def test_long_vectors_are_kept(place):
    vectors = random_vectors(3, dimension=4_096)
    templates = [template(f"p{number}", vector=vector) for number, vector in enumerate(vectors)]
    with create_gallery(place, settings(dimension=4_096), templates=templates) as gallery:
        assert names(gallery.search(vectors, 1)) == [["p0"], ["p1"], ["p2"]]
