"""What only a gallery on a server has: addresses, roles, copies to and from files, and errors in one line."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from gallery_samples import create_at, names, people, random_vectors, settings, template
from loading import script

psycopg = pytest.importorskip("psycopg")

from facekit.calibration.threshold import Calibration  # noqa: E402
from facekit.cli import group  # noqa: E402
from facekit.errors import FacekitError, GalleryError, UsageError  # noqa: E402
from facekit.faces.reading import Reading  # noqa: E402
from facekit.gallery import copy_gallery, create_gallery, open_gallery, place_of  # noqa: E402
from facekit.gallery.facts import Fact  # noqa: E402
from facekit.gallery.postgres import approximate, connections, following, indexing, rows, scanning  # noqa: E402
from facekit.gallery.postgres import gallery as postgres_gallery  # noqa: E402
from facekit.gallery.postgres.gallery import upgrade  # noqa: E402
from facekit.gallery.postgres.grants import grant  # noqa: E402
from facekit.people.enrollment import enroll_readings  # noqa: E402
from facekit.people.outcomes import HELD, IGNORED  # noqa: E402
from facekit.results import Detection, Face, Quality  # noqa: E402
from facekit.verbs.gallery import gallery_check, gallery_copy  # noqa: E402

PROBES = random_vectors(12, seed=5)
END_CLIENTS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'facekit'"
POOR = {"size": 50.0, "stranger_rate": 0.4}


@pytest.fixture
def address(postgres, tmp_path):
    """Gives addresses of this test's own schemas."""
    return lambda number=0, **more: postgres.address(schema=f"{tmp_path.name} {number}", **more)


@pytest.fixture
def place(address):
    return place_of(address())


@pytest.fixture
def sql(postgres):
    """Runs statements as the server's superuser."""
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        yield connection.execute


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


def one_line(raised):
    message = str(raised.value)
    assert "\n" not in message
    assert "s3cret" not in message
    return message


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


def test_roles_read_or_enroll_and_no_more(address, sql, place):
    for role in ("door", "desk"):
        sql(f"DROP ROLE IF EXISTS {role}")
        sql(f"CREATE ROLE {role} LOGIN")
    create_at(place, people(3)).close()
    grant(place, "door", "read")
    grant(place, "desk", "enroll")
    with open_gallery(place) as owners:
        expected = owners.search(PROBES)
    with open_gallery(address(user="door"), write=True) as door:
        assert door.search(PROBES) == expected
        for change in (
            lambda: door.add([template("Ann")]),
            lambda: door.remove(["person 000"]),
            lambda: door.set_calibration(Calibration(0.1)),
        ):
            with pytest.raises(GalleryError, match="may not do that") as raised:
                change()
            assert "facekit gallery grant" in one_line(raised)
    with open_gallery(address(user="desk"), write=True) as desk:
        assert desk.add([template("Ann")]).added == 1
        [fact] = desk.record([Fact("not_same", "person 000", "person 001")])
        for change in (
            lambda: desk.remove(["person 000"]),
            lambda: desk.rename("Ann", "Bob"),
            lambda: desk.merge("Ann", ["person 000"]),
            lambda: desk.withdraw([fact.id]),
            lambda: desk.set_calibration(Calibration(0.1)),
            lambda: desk.add([template("Bob", sha256=template("Ann").sha256)], move=True),
            lambda: desk.forget_removals() if len(desk.tombstones()) else desk.remove(["Ann"]),
        ):
            with pytest.raises(GalleryError, match="may not do that"):
                change()
        assert desk.names() == ["Ann", "person 000", "person 001", "person 002"]
    grant(place, "desk", "read")
    with open_gallery(address(user="desk"), write=True) as desk, pytest.raises(GalleryError):
        desk.add([template("Bob")])
    assert place.check() == []


def test_who_may_only_enroll_is_refused_single_faces_and_enrolls_the_others(address, sql, place):
    """One photo of a batch is enrolled as somebody else's, one is of nobody who was to be asked about."""
    sql("DROP ROLE IF EXISTS clerk")
    sql("CREATE ROLE clerk LOGIN")
    held, ignored, free = (template("Bob", number) for number in range(3))
    with create_at(place) as gallery:
        assert gallery.may_remove
        gallery.add([replace(held, subject="Ann")])
        gallery.record([Fact("ignored", vector=ignored.vector, sha256=ignored.sha256, box=ignored.box)])
    grant(place, "clerk", "enroll")
    with open_gallery(address(user="clerk"), write=True) as gallery:
        assert not gallery.may_remove
        outcomes = enroll_readings(gallery, "Bob", [looked_at(each) for each in (held, ignored, free)])
        assert [outcome.status for outcome in outcomes] == ["refused", "refused", "enrolled"]
        assert [outcome.problems[0] for outcome in outcomes[:2]] == [HELD, IGNORED]
        assert [(info.subject, info.sha256) for info in gallery.templates()] == [
            ("Ann", held.sha256),
            ("Bob", free.sha256),
        ]
        assert len(gallery.facts()) == 1


def looked_at(item):
    """A picture with the face of a template."""
    detection = Detection(item.box, 1.0)
    face = Face(detection, np.zeros((5, 2)), np.zeros((112, 112, 3)), item.vector, Quality(50, 500, 128, 0))
    return Reading(item.source, (face,), item.sha256, in_memory=True)


def test_a_right_for_nobody_is_refused(place):
    create_at(place).close()
    with pytest.raises(GalleryError, match="no user 'nobody; DROP TABLE x'"):
        grant(place, "nobody; DROP TABLE x", "read")
    with pytest.raises(UsageError):
        grant(place, "door", "everything")


def content(gallery):
    return [(*vars(item).values(), bytes(item.vector)) for item in gallery.contents()]


def test_a_copy_is_the_same_both_ways(address, place, tmp_path):
    removed = [
        *people(8),
        template("a\1b\\0", source="x\0\\.jpg", added="\0"),
        template("poor", quality=POOR),
    ]
    with create_gallery(place, settings(poor_from=0.01), templates=removed) as source:
        source.remove(["person 003"])
        source.rename("person 001", "Ann")
        source.set_calibration(Calibration(0.3, "by hand \\0 \0", 7))
    there = copy_gallery(place, tmp_path / "copy.db")
    back = copy_gallery(tmp_path / "copy.db", address(1))
    third = copy_gallery(back.place, address(2))
    for copied in (there, back, third):
        assert (copied.subjects, copied.templates, copied.searches) == (9, 16, 100)
        assert copied.place.check() == []
        with open_gallery(place) as old, open_gallery(copied.place, write=True) as new:
            assert [str(item[0]) for item in content(new)] == [str(item[0]) for item in content(old)]
            assert [item[-1] for item in content(new)] == [item[-1] for item in content(old)]
            assert new.templates() == old.templates()
            assert new.settings == old.settings
            assert new.search(PROBES, 20) == old.search(PROBES, 20)
            assert list(new.tombstones()) == list(old.tombstones())
            assert new.add([template("person 003")]).removed == 1
    for target in (tmp_path / "copy.db", address(1)):
        with pytest.raises(GalleryError, match="not overwritten"):
            copy_gallery(place, target)


def test_a_copy_tells_how_it_was_proved(place, tmp_path):
    create_at(place, people(3)).close()
    told = []
    gallery_copy(place, tmp_path / "copy.db", on_note=told.append)
    with open_gallery(tmp_path / "copy.db") as copied:
        digest = f"{copied.state.digest:032x}"
    [line] = told
    assert f"each of 6 templates fits its checksum, and their digest is the original's, {digest};" in line
    assert line.endswith("100 random searches give the same answers")


def test_a_copy_that_cannot_be_finished_leaves_nothing(address, place, tmp_path, monkeypatch, sql):
    with create_at(place, people(2)):
        pass
    sql(f"UPDATE \"{place.address.schema}\".templates SET source = 'x' WHERE id = 2")
    for target in (tmp_path / "copy.db", address(1)):
        with pytest.raises(GalleryError, match="does not fit its checksum"):
            copy_gallery(place, target)
        assert not place_of(target).exists()


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


def test_an_index_in_memory_fetches_only_what_is_new_or_gone(place, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    fetched = []
    encoded = indexing.encoded
    monkeypatch.setattr(indexing, "encoded", lambda tables: fetched.append(1) or encoded(tables))
    with create_at(place, people(10)) as writer, open_gallery(place) as reader:
        reader.search(PROBES)
        for change in (
            lambda: writer.add([template("Ann"), template("person 001", 7)]),
            lambda: writer.remove(["person 004"]),
            lambda: writer.rename("person 002", "Bob"),
            lambda: writer.merge("Ann", ["person 005"]),
            lambda: writer.remove_photos("person 006", ["photos/0.jpg"]),
            lambda: writer.set_calibration(Calibration(0.5)),
        ):
            change()
            with open_gallery(place) as fresh:
                monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 10**6)
                expected = fresh.search(PROBES, 20)
                monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
            assert reader.search(PROBES, 20) == expected
        assert fetched == [1]


def test_an_index_is_fetched_anew_after_the_connection_was_lost(place, sql, monkeypatch):
    """It may be a backup of the database to which it is made again."""
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    fetched = []
    encoded = indexing.encoded
    monkeypatch.setattr(indexing, "encoded", lambda tables: fetched.append(1) or encoded(tables))
    with create_at(place, people(5)) as gallery:
        gallery.search(PROBES)
        sql(END_CLIENTS)
        gallery.add([template("Ann")])
        assert names(gallery.search(template("Ann").vector[None], 1)) == [["Ann"]]
    assert fetched == [1, 1]


def test_a_connection_that_was_lost_between_questions_is_made_again(place, sql, caplog):
    with create_at(place, people(3)) as gallery:
        found = gallery.search(PROBES)
        sql(END_CLIENTS)
        assert gallery.search(PROBES) == found
        sql(END_CLIENTS)
        assert gallery.add([template("Ann")]).added == 1


def test_a_connection_that_is_lost_amid_a_change_is_told_and_nothing_is_stored(place, sql):
    with create_at(place, people(3)) as gallery:

        def change():
            with gallery._changing(forget=False) as changing:
                sql(END_CLIENTS)
                changing.number("person 001")

        with pytest.raises(GalleryError, match="was lost") as raised:
            change()
        one_line(raised)
        assert gallery.add(people(4)).added == 2


END_AT_COMMIT = """
    SET search_path = "{schema}";
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON templates
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();
"""


def test_a_connection_that_is_lost_while_a_change_is_stored_says_that_nobody_knows(place, sql):
    with create_at(place, people(3)) as gallery:
        sql(END_AT_COMMIT.format(schema=place.address.schema))
        with pytest.raises(GalleryError, match="while the change was being stored") as raised:
            gallery.add([template("Ann")])
        one_line(raised)
        assert "run again, nothing is stored twice" in str(raised.value)
        sql("DROP TRIGGER cut ON templates")
        assert gallery.add([template("Ann")]).added == 1
        assert gallery.add([template("Ann")]).present == 1


@pytest.mark.parametrize(("words", "told"), [((), True), (("--quiet",), False)])
def test_that_the_database_is_tried_again_is_a_note(place, sql, monkeypatch, words, told, caplog):
    """A database that is away for a moment: the run goes on, and says so unless it is to be quiet."""
    create_at(place, people(3)).close()
    connect, refused = connections.connect, iter([True, False])

    def away_at_first(place):
        if next(refused, False):
            raise psycopg.OperationalError("away")
        return connect(place)

    def show(name, gallery, on_note):
        with open_gallery(gallery) as opened:
            sql(END_CLIENTS)
            monkeypatch.setattr(connections, "connect", away_at_first)
            return opened.templates("person 001")

    monkeypatch.setattr("facekit.verbs.gallery.gallery_show", show)
    command = ["gallery", "show", "person 001", "--gallery", place.argument, *words]
    result = CliRunner().invoke(group, command, prog_name="facekit")
    assert result.exit_code == 0, result.output
    assert any("lost the database" in record.message for record in caplog.records) is told


def test_no_statistics_are_kept_of_names_and_vectors(place, sql):
    schema = place.address.schema
    create_at(place, people(40)).close()
    for table in ("subjects", "templates"):
        sql(f'ANALYZE "{schema}".{table}')
    columns = {
        name
        for (name,) in sql("SELECT attname FROM pg_stats WHERE schemaname = %s", (schema,)).fetchall()
        if name not in ("id", "subject", "poor", "checksum", "key", "value", "version", "change")
    }
    assert columns == set()


def test_what_was_removed_is_not_in_the_tables_files(place, sql, postgres):
    schema = place.address.schema
    with create_at(place, [*people(20), template("Zebedee Quux")]) as gallery:
        sql("CHECKPOINT")
        gallery.remove(["Zebedee Quux"])
        assert gallery.due is None
    sql("CHECKPOINT")
    paths = sql(
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relkind IN ('r', 'i')",
        (schema,),
    ).fetchall()
    vector = template("Zebedee Quux").vector.tobytes()
    for (path,) in paths:
        data = (postgres.data / path).read_bytes()
        assert b"Zebedee" not in data
        assert vector not in data


def test_what_somebody_may_still_see_stays_due_and_is_erased_by_the_next(place, postgres, monkeypatch):
    """Also a transaction that has nothing to do with the gallery."""
    monkeypatch.setattr(postgres_gallery.erasure, "WAIT", 0.0)
    with psycopg.connect(postgres.address()) as other, create_at(place, people(5)) as gallery:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        gallery.remove(["person 001"])
        assert "earlier state" in gallery.due
        assert [problem.kind for problem in place.check()] == ["erasing"]
        other.rollback()
        gallery.remove(["person 002"])
        assert gallery.due is None
    assert place.check() == []


def test_who_only_reads_finds_a_newer_format_and_an_older_one_told(place, sql):
    schema = place.address.schema
    create_at(place, people(1)).close()
    for version, words in ((99, "newer facekit"), (0, "facekit gallery upgrade")):
        sql(f'UPDATE "{schema}".format SET version = {version}')
        with pytest.raises(GalleryError, match=words) as raised:
            place.open()
        one_line(raised)


def test_a_gallery_of_before_there_were_facts_is_brought_up_to_date(place, sql, address):
    schema = place.address.schema
    sql("DROP ROLE IF EXISTS hall")
    sql("CREATE ROLE hall LOGIN")
    create_at(place, people(2)).close()
    sql(f'DROP TABLE "{schema}".facts')
    sql(f'GRANT USAGE ON SCHEMA "{schema}" TO hall')
    sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO hall')
    sql(f'UPDATE "{schema}".format SET version = 1')
    with pytest.raises(GalleryError, match="facekit gallery upgrade"):
        place.open()
    assert upgrade(place) == (1, 2)
    with place.open(write=True) as gallery:
        gallery.record([Fact("not_same", "person 000", "person 001")])
    with open_gallery(address(user="hall")) as hall:
        assert len(hall.facts()) == 1
    assert place.check() == []
    sql("DROP OWNED BY hall")


def test_a_database_that_can_only_be_read_says_so(place, sql):
    with create_at(place, people(1)) as gallery:
        pass
    sql("ALTER ROLE facekit SET default_transaction_read_only = on")
    try:
        with place.open(write=True) as gallery, pytest.raises(GalleryError, match="can only be read"):
            gallery.add([template("Ann")])
    finally:
        sql("ALTER ROLE facekit RESET default_transaction_read_only")


def test_processes_that_are_killed_leave_what_was_acknowledged(postgres):
    counts, wrong = script("model_test").run(
        seconds=1, processes=3, seed=2, kills=2, reports=30, server=postgres
    )
    assert wrong == []
    assert counts["process killed"] > 0


def test_a_server_that_is_killed_has_all_that_was_reported(postgres):
    """On a server of its own: the others' connections would be lost too."""
    with script("postgres_server").running() as server:
        assert len(list(script("prove_postgres").killed(server, 1, seed=1))) == 1


def test_vectors_longer_than_the_extension_has_are_refused(place):
    with pytest.raises(UsageError, match="at most 16000"):
        create_gallery(place, settings(dimension=16_384))
    assert not place.exists()


def test_long_vectors_are_kept(place):
    vectors = random_vectors(3, dimension=4_096)
    templates = [template(f"p{number}", vector=vector) for number, vector in enumerate(vectors)]
    with create_gallery(place, settings(dimension=4_096), templates=templates) as gallery:
        assert names(gallery.search(vectors, 1)) == [["p0"], ["p1"], ["p2"]]


def waited_for(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def stays(monkeypatch):
    """Clients that keep vectors, and listen from their second search on."""
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    monkeypatch.setattr(postgres_gallery, "FOLLOW_AFTER", -1.0)
    monkeypatch.setattr(following, "SLICE_SECONDS", 0.05)


def test_a_client_that_stays_fetches_a_change_before_it_is_asked(place, stays, monkeypatch):
    with create_at(place, people(5)) as writer, open_gallery(place) as reader:
        reader.search(PROBES)
        changes = [
            lambda: writer.add([template("Ann")]),
            lambda: writer.remove(["person 001"]),
            lambda: writer.rename("Ann", "Bob"),
        ]
        for change in changes:
            change()
            assert waited_for(lambda: reader._indexed == writer.state.digest)
        monkeypatch.setattr(indexing, "read_index", lambda *_: pytest.fail("fetched at the search"))
        assert names(reader.search(template("Ann").vector[None], 1)) == [["Bob"]]
        assert "person 001" not in names(reader.search(PROBES, 20))[0]


def test_a_client_that_listens_tells_that_the_database_is_lost_and_there_again(place, sql, stays, caplog):
    with create_at(place, people(5)) as writer, open_gallery(place) as reader:
        reader.search(PROBES)
        assert waited_for(lambda: sql(LISTENING).fetchone()[0])
        sql(END_CLIENTS)
        assert waited_for(lambda: "the database is there again" in caplog.text)
        assert caplog.text.count("lost the database") == 1
        writer.add([template("Ann")])
        assert waited_for(lambda: reader._indexed == writer.state.digest)
    assert waited_for(lambda: not sql(LISTENING).fetchone()[0])


LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'facekit' AND query ~ '^LISTEN'"


def test_the_pauses_before_a_lost_database_is_tried_again_grow(place, monkeypatch):
    tries, pauses = [], []

    def away(place):
        tries.append(1)
        raise psycopg.OperationalError("away")

    class Stopped(threading.Event):
        def wait(self, timeout=None):
            pauses.append(timeout)
            return len(pauses) < 12 or self.set()

    monkeypatch.setattr(connections, "connect", away)
    monkeypatch.setattr(following, "Event", Stopped)
    following.Follower(place, lambda: 0, lambda: None)._thread.join(10)
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == following.LONGEST_PAUSE
    assert len(tries) == 12


def test_who_searches_for_a_moment_listens_to_nothing(place, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    with create_at(place, people(5)) as gallery:
        for _ in range(20):
            gallery.search(PROBES)
        assert gallery._follower is None


def test_an_index_is_built_of_a_copy_whose_rows_are_checked(place, sql, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    copied = []
    bulk = rows.PostgresTables._bulk
    monkeypatch.setattr(rows.PostgresTables, "_bulk", lambda tables: copied.append(1) or bulk(tables))
    odd = template("a\1b\\0", source="x\0\\.jpg")
    with create_at(place, [*people(5), odd]) as gallery:
        assert names(gallery.search(odd.vector[None], 1)) == [["a\1b\\0"]]
    assert copied == [1]
    sql(
        f"UPDATE \"{place.address.schema}\".templates SET source = 'other' WHERE id = (SELECT max(id) FROM "
        f'"{place.address.schema}".templates)'
    )
    with open_gallery(place) as gallery:
        with pytest.raises(GalleryError, match="damaged"):
            gallery.search(PROBES)
        assert len(gallery) == 11


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
