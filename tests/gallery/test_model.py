"""A few seconds of scripts/model_test.py: what several processes were told equals one order of changes."""

import pytest
from loading import script

model_test = script("model_test")


def test_processes_that_are_killed_leave_what_was_acknowledged():
    counts, wrong = model_test.run(seconds=4, processes=4, seed=1, kills=1)
    assert wrong == []
    assert sum(counts.values()) > 20


def state(**pictures):
    return model_test.State({name: frozenset(found) for name, found in pictures.items()})


def done(number, operation, answer):
    return {"kind": "done", "number": number, "operation": operation, "answer": answer}


ADDED = done(1, ["add", [["Ann", "a"]], False, False], ["added"])
RENAMED = ["rename", "Ann", "Ben"]


def orders(reports, loose, last, **final):
    found = model_test.Reports({report["number"]: report for report in reports}, loose)
    return list(model_test._orders(found, last, state(**final).listed()))


def test_the_judge_tells_a_lost_change():
    assert orders([ADDED], [], 1, Ann="a")
    assert not orders([ADDED], [], 1)
    assert not orders([ADDED], [], 2, Ann="a")
    assert not orders([{**ADDED, "answer": ["present"]}], [], 1, Ann="a")


@pytest.mark.parametrize("must", [True, False])
def test_the_judge_finds_the_place_of_a_change_without_a_number(must):
    loose = {"operation": RENAMED, "least": 1, "most": 3, "must": must}
    last = done(3, ["remove", ["Ben"]], 1)
    assert orders([ADDED, last], [loose], 3)
    assert not orders([ADDED, last], [{**loose, "least": 2}], 3)
    # Killed, it need not have been made; reported as done, it must.
    assert bool(orders([ADDED], [loose], 1, Ann="a")) is not must


def test_the_judge_tells_a_read_that_no_state_explains():
    seen = {"kind": "seen", "way": "copy", "number": 1, "state": {"Ann": ["a"]}}
    assert not list(model_test._judged(seen, [state(), state(Ann="a")]))
    assert list(model_test._judged(seen, [state(Ann="a"), state()]))


def test_the_judge_finds_bytes_of_the_removed(tmp_path):
    name, sha256 = model_test.NAMES[0], model_test.picture(model_test.NAMES[0], 0)
    (tmp_path / "gallery.db").write_bytes(b".." + model_test.vector(sha256).tobytes() + name.encode())
    assert len(model_test._traces(tmp_path, {})) == 2
    assert not model_test._traces(tmp_path, {name: [sha256]})
