"""A damaged file gives a clear error or the right answer, never a wrong name."""

import random

import pytest
from gallery_samples import FINGERPRINT, create, people

from facekit.errors import GalleryError
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery

PEOPLE = people(40)
PROBES = [item.vector for item in PEOPLE[::5]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a sound gallery, and what it answers."""
    path = tmp_path_factory.mktemp("whole") / "gallery.db"
    create(path, PEOPLE).close()
    return path.read_bytes(), answers(path)


def answers(path):
    with SqliteGallery.open(path, fingerprint=FINGERPRINT) as gallery:
        found = gallery.search(PROBES)
        subjects = [(subject.name, subject.templates) for subject in gallery.subjects()]
        return gallery.threshold, found, subjects


def answers_or_complains(path, content, expected):
    """True for the right answer, False for an error that names the file."""
    for companion in path.parent.iterdir():
        companion.unlink()
    path.write_bytes(content)
    try:
        assert answers(path) == expected
    except GalleryError as error:
        assert str(path) in str(error)  # noqa: PT017
        return False
    return True


def test_a_flipped_bit_gives_no_wrong_name(whole, tmp_path):
    content, expected = whole
    choose = random.Random(1)
    outcomes = []
    for _ in range(200):
        flipped = bytearray(content)
        place = choose.randrange(len(content))
        flipped[place] ^= 1 << choose.randrange(8)
        outcomes.append(answers_or_complains(tmp_path / "gallery.db", flipped, expected))
    assert outcomes.count(False) > 50


def test_a_truncated_file_gives_no_wrong_name(whole, tmp_path):
    content, expected = whole
    # The pages that the header tells of: SQLite may leave more behind them, which nobody misses.
    size = 4096 * int.from_bytes(content[28:32])
    lengths = [1, 15, 16, 99, 100, 1000, 4095, 4096, 4097, *range(8192, size, 9000), size - 1]
    outcomes = [
        answers_or_complains(tmp_path / "gallery.db", content[:length], expected) for length in lengths
    ]
    assert not any(outcomes)


def test_a_zeroed_page_gives_no_wrong_name(whole, tmp_path):
    content, expected = whole
    for start in range(0, len(content), 4096):
        holed = content[:start] + bytes(4096) + content[start + 4096 :]
        answers_or_complains(tmp_path / "gallery.db", holed, expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"person 007", b"person 070"),  # the name of somebody else
        (b"person 007", b"person \xff07"),  # no longer text
        (b"FPIR 0.01", b"FPIR 0.99"),
        (b"0.4", b"0.1"),  # the threshold
        (FINGERPRINT.encode(), FINGERPRINT[::-1].encode()),
        (PEOPLE[3].sha256.encode(), PEOPLE[4].sha256.encode()),
        (PEOPLE[3].vector.tobytes(), PEOPLE[4].vector.tobytes()),
    ],
)
def test_a_changed_value_is_noticed(whole, tmp_path, old, new):
    content, expected = whole
    assert old in content
    path = tmp_path / "gallery.db"
    assert not answers_or_complains(path, content.replace(old, new), expected)
    assert check(path)


def test_two_vectors_exchanged_are_noticed(whole, tmp_path):
    content, expected = whole
    one, other = PEOPLE[0].vector.tobytes(), PEOPLE[10].vector.tobytes()
    swapped = content.replace(one, b"?" * 512).replace(other, one).replace(b"?" * 512, other)
    assert not answers_or_complains(tmp_path / "gallery.db", swapped, expected)


def test_nothing_is_repaired_or_overwritten(whole, tmp_path):
    content, _ = whole
    path = tmp_path / "gallery.db"
    damaged = content.replace(b"person 007", b"person 070")
    path.write_bytes(damaged)
    with pytest.raises(GalleryError), SqliteGallery.open(path, write=True) as gallery:
        gallery.remove(["person 001", "person 007"])
    assert path.read_bytes() == damaged
