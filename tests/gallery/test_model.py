"""A few seconds of scripts/model_test.py: what several processes were told equals one order of changes."""

import pytest
from loading import script

model_test = script("model_test")
model, judge = script("gallery_model"), script("model_judge")


def test_processes_that_are_killed_leave_what_was_acknowledged():
    counts, wrong = model_test.run(seconds=2, processes=3, seed=1, kills=1)
    assert wrong == []
    assert sum(counts.values()) > 20


def state(**pictures):
    return model.State({name: frozenset(found) for name, found in pictures.items()})


def done(number, operation, answer):
    return {"kind": "done", "number": number, "operation": operation, "answer": answer}


ADDED = done(1, ["add", [["Ann", "a"]], False, False], ["added"])
RENAMED = ["rename", "Ann", "Ben"]


def orders(reports, loose, last, **final):
    found = judge.Reports({report["number"]: report for report in reports}, loose)
    return list(judge.orders(found, last, state(**final).listed()))


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
    assert not list(judge.judged(seen, [state(), state(Ann="a")]))
    assert list(judge.judged(seen, [state(Ann="a"), state()]))


def test_the_judge_finds_bytes_of_the_removed(tmp_path):
    name, sha256 = model.NAMES[0], model.picture(model.NAMES[0], 0)
    (tmp_path / "gallery.db").write_bytes(b".." + model.vector(sha256).tobytes() + name.encode())
    assert len(judge.traces(tmp_path, {})) == 2
    assert not judge.traces(tmp_path, {name: [sha256]})


def test_the_model_forgets_removals_as_a_gallery_does(tmp_path):
    """What was removed comes back, and a second time there is nothing to forget."""
    sha256 = model.picture("Ann", 0)
    add = ["add", [["Ann", sha256]], False, False]
    steps = [add, ["remove", ["Ann"]], add, ["forget_removals"], add, ["rename", "Ann", "Ben"]]
    steps += [["forget_removals"], ["forget_removals"], ["rename", "Ben", "Ann"]]
    modelled = model.State()
    with model.new_gallery(tmp_path / "gallery.db") as gallery:
        for verb, *arguments in steps:
            before, (modelled, answer) = modelled, model.applied(modelled, [verb, *arguments])
            numbered = gallery.settings.changes
            if verb == "add":
                report = gallery.add([model.template("Ann", sha256)])
                assert answer == [placement.status for placement in report.placements]
            else:
                assert getattr(gallery, verb)(*arguments) == answer
            assert gallery.settings.changes == numbered + (modelled != before)
            assert model.of_rows(gallery.templates()) == modelled.listed()
