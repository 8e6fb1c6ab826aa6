"""A few seconds of scripts/model_test.py: what several processes were told equals one order of changes. Its
judge sees each way in which it might not."""

from dataclasses import replace

import pytest
from loading import script

from facekit.gallery.sqlite import gallery as sqlite_gallery
from facekit.gallery.sqlite.check import check

model_test = script("model_test")
model, judge, ledger = script("gallery_model"), script("model_judge"), script("model_ledger")


def test_processes_that_are_killed_leave_what_was_acknowledged():
    counts, wrong = model_test.run(seconds=1, processes=3, seed=1, kills=3, reports=60)
    assert wrong == []
    assert sum(counts.values()) > 30
    assert counts["process killed"] > 0


ANN, BEN, CEM, DUA = (model.picture(name, 0) for name in ("Ann", "Ben", "Cem", "Dua"))
OPERATIONS = [
    ["add", [["Ann", ANN]], False, False],
    ["add", [["Ben", BEN]], False, False],
    ["rename", "Ann", "Cem"],
    ["remove", ["Ben"]],
    ["add", [["Dua", DUA]], False, False],
]


class Story:
    """Five changes, one a second, each followed by reads; the last process was killed before it reported."""

    def __init__(self):
        self.made = [101, 102, 103, 104, 105]
        self.states, self.deeds, self.reads = [model.State()], [], []
        for number, operation in enumerate(OPERATIONS, 1):
            state, answer = model.applied(self.states[-1], operation)
            self.states.append(state)
            self.deeds.append(
                judge.Deed(100 + number, operation, number, number + 0.3, number, "done", answer, number)
            )
            self.reads.append(self.read(number))
            self.reads.append(
                judge.Read("search", number + 0.6, number + 0.8, number, sha256=ANN, best=state.best(ANN))
            )
        self.deeds[-1] = judge.Deed(105, OPERATIONS[-1], 5, 5.3, 5)

    def read(self, number, most=None):
        """Seen after the change `number` was over, what was there after the change `most`."""
        state = self.states[number if most is None else most]
        moments = number + 0.4, number + 0.5
        return judge.Read("end", *moments, number, state.listed(), state.remembered())

    def doctor(self, change, **fields):
        """Another report of this change."""
        self.deeds[change - 1] = replace(self.deeds[change - 1], **fields)

    def also(self, operation, **fields):
        """One more operation, after the second change."""
        self.deeds.append(judge.Deed(106, operation, 2.4, 2.9, 2, **fields))

    def judged(self):
        return judge.judged(self.deeds, self.reads, self.made)


@pytest.fixture
def story():
    return Story()


def test_the_judge_finds_nothing_wrong_where_nothing_is(story):
    assert story.judged() == []
    story.also(["rename", "Eve", "Fay"], outcome="refused", said="'Eve' is not in the gallery", base=2)
    story.also(["add", [["Ben", BEN]], False, False], outcome="done", answer=["present"], base=2)
    story.also(["forget_removals"], outcome="done", command=True, said="no removed picture was remembered")
    story.also(["remove", ["Ben"]])  # killed before its change
    assert story.judged() == []


def lost_at_the_end(story):
    story.made.pop()


def lost_in_the_middle(story):
    del story.made[1]


def lost_under_another(story):
    """Another change has its number, and nothing else shows it."""
    story.deeds = [replace(deed, id=107) if deed.number == 2 else deed for deed in story.deeds]
    story.deeds.append(judge.Deed(102, OPERATIONS[1], 2, 2.3, 2))


def lost_of_a_killed_process(story):
    """It was seen, and then there was another of that number."""
    story.made[4] = 106
    story.deeds.append(judge.Deed(106, ["remove", ["Cem"]], 5, 5.3, 5))


def reordered(story):
    story.made[1:3] = [103, 102]


def reordered_with_their_numbers(story):
    """Each was told the number that it has, but the later one was over when the earlier one began."""
    story.made[1:3] = [103, 102]
    story.doctor(2, number=3, most=3)
    story.doctor(3, number=2)


def made_after_its_death(story):
    story.doctor(5, most=3)


def made_twice(story):
    story.made[4] = 102


def made_by_nobody(story):
    story.made[4] = 0


def made_although_impossible(story):
    story.made[1:4] = [104, 103, 102]


def made_although_refused(story):
    story.doctor(4, outcome="refused", number=None, base=3, said="'Ben' is not in the gallery")


def wrong_answer(story):
    story.doctor(2, answer=["present"])


def wrong_words_of_a_command(story):
    story.doctor(4, command=True, number=None, said="removed 1 person with 2 templates")


def nothing_done_without_reason(story):
    story.also(["add", [["Eve", CEM]], False, False], outcome="done", answer=["removed"], base=2)


def refused_without_reason(story):
    story.also(["remove", ["Ben"]], outcome="refused", base=2, said="'Ben' is not in the gallery")


def refused_because_of_others(story):
    story.also(["remove", ["Eve"]], outcome="refused", base=2, said="another process holds the gallery")


def refused_by_an_old_state(story):
    story.also(["remove", ["Ben"]], outcome="refused", base=1, said="'Ben' is not in the gallery")


def wrong_search(story):
    story.reads[5] = replace(story.reads[5], best=["Ben", "Cem"])


def incomplete_search(story):
    story.reads[5] = replace(story.reads[5], best=["Cem"])


def late_search(story):
    """Right two changes earlier."""
    story.reads[5] = replace(story.reads[5], best=["Ann"], most=1)


def wrong_people(story):
    story.reads[-2] = story.read(5, most=3)


def wrong_tombstones(story):
    story.reads[-2] = replace(story.reads[-2], remembered={})


def damaged_copy(story):
    story.reads[0] = replace(story.reads[0], problems=["row 3 does not fit its checksum"])


@pytest.mark.parametrize(
    ("doctored", "told"),
    [
        (lost_at_the_end, "lost: of 5 changes there are 4"),
        (lost_in_the_middle, "lost: it was told that it had made change 2"),
        (lost_under_another, "lost: it was told that it had made change 2"),
        (lost_of_a_killed_process, "not what was there after change 5"),
        (reordered, "lost: it was told that it had made change 2"),
        (reordered_with_their_numbers, "change 2 is out of order"),
        (made_after_its_death, "change 5 is out of order"),
        (made_twice, "change 5: made for the second time"),
        (made_by_nobody, "change 5: nobody began"),
        (made_although_impossible, "change 2: nothing was to be changed"),
        (made_although_refused, "refused, but it made change 4"),
        (wrong_answer, "change 2: the answer is ['added']"),
        (wrong_words_of_a_command, "change 4: the answer is 1"),
        (nothing_done_without_reason, "which no state from change 2 to 2 explains"),
        (refused_without_reason, "which no state from change 2 to 2 explains"),
        (refused_because_of_others, "refused for another reason"),
        (refused_by_an_old_state, "2 changes were known before it, but it saw 1"),
        (wrong_search, "not what was there after change 3"),
        (incomplete_search, "not what was there after change 3"),
        (late_search, "3 changes were known before it, but it saw 1"),
        (wrong_people, "not what was there after change 5"),
        (wrong_tombstones, "not what was there after change 5"),
        (damaged_copy, "a copy has problems"),
    ],
)
def test_the_judge_tells(story, doctored, told):
    doctored(story)
    assert any(told in line for line in story.judged()), story.judged()


def test_a_change_may_be_seen_later_by_whom_its_process_did_not_live_to_tell(story):
    story.doctor(5, most=4)
    assert story.judged() == []


def test_the_judge_reads_what_a_killed_process_could_still_report():
    began = '{"kind": "began", "id": 7, "operation": ["remove", ["Ann"]], "start": 1.0}\n'
    ended = '{"kind": "ended", "id": 7, "outcome": "done", "answer": 1, "number": 4, "most": 5, "end": 2.0}\n'
    for lines in ([began], [began, ended[:-20]]):
        assert judge.of_lines(lines, 3.0, 6) == ([judge.Deed(7, ["remove", ["Ann"]], 1.0, 3.0, 6)], [])
    (deed,), _ = judge.of_lines([began, ended], 3.0, 6)
    assert (deed.outcome, deed.number, deed.end, deed.most) == ("done", 4, 2.0, 5)


def test_the_judge_finds_bytes_of_the_removed(tmp_path):
    name, sha256 = model.NAMES[0], model.picture(model.NAMES[0], 0)
    (tmp_path / "gallery.db").write_bytes(b".." + model.vector(sha256).tobytes() + name.encode())
    assert len(judge.traces(tmp_path.iterdir(), {})) == 2
    assert not judge.traces(tmp_path.iterdir(), {name: [sha256]})


def test_the_ledger_has_the_operation_of_each_change_and_of_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_gallery, "Change", sqlite_gallery.Change)  # put back after the recorder
    path, records = tmp_path / "gallery.db", ledger.Ledger(tmp_path / "ledger")
    recorder = ledger.Recorder(path, records)
    ann, ben = model.template("Ann", ANN), model.template("Ben", BEN)
    with model.new_gallery(path) as gallery, model.new_gallery(tmp_path / "other.db") as other:

        def add(operation, target, template):
            recorder.begin(operation)
            target.add([template])
            return recorder.base, recorder.changed

        assert add(11, gallery, ann) == (0, True)
        assert add(12, gallery, ann) == (1, False)
        assert add(13, other, ann) == (None, False)
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_gallery, "write_state", None)  # ends before its commit
            with pytest.raises(TypeError):
                add(14, gallery, ben)
        assert records.operations(2) == [11, 14]
        assert add(15, gallery, ben) == (1, True)
        recorder.begin(16)
        gallery.remove(["Ann"])  # which is erased as well, and counts once
        assert gallery.change_number == 3
    assert records.operations(4) == [11, 15, 16, 0]
    assert check(path) == []
    records.close()


def test_the_model_forgets_removals_as_a_gallery_does(tmp_path):
    """What was removed comes back, and a second time there is nothing to forget."""
    sha256 = model.picture("Ann", 0)
    add = ["add", [["Ann", sha256]], False, False]
    steps = [add, ["remove", ["Ann"]], add, ["forget_removals"], add, ["rename", "Ann", "Ben"]]
    steps += [["forget_removals"], ["forget_removals"], ["rename", "Ben", "Ann"]]
    modeled = model.State()
    with model.new_gallery(tmp_path / "gallery.db") as gallery:
        for verb, *arguments in steps:
            before, (modeled, answer) = modeled, model.applied(modeled, [verb, *arguments])
            numbered = gallery.change_number
            if verb == "add":
                report = gallery.add([model.template("Ann", sha256)])
                assert answer == [placement.status for placement in report.placements]
            else:
                assert getattr(gallery, verb)(*arguments) == answer
            assert gallery.change_number == numbered + (modeled != before)
            assert model.of_rows(gallery.templates()) == modeled.listed()
            assert model.remembered(gallery) == modeled.remembered()
