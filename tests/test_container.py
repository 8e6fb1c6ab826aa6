"""The container: nobody in it is root, and what it is made of is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "Dockerfile").exists(), reason="the source is not here")


def instructions() -> list[list[str]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [name for words in instructions() if words[0] == "COPY" for name in words[1:-1]]
    from_here = [name for name in copied if not name.startswith(("--from", "/"))]
    assert len(from_here) >= 5
    for name in from_here:
        assert (ROOT / name).exists()
        assert name in allowed


def test_it_runs_as_nobody_in_particular_and_tells_whether_it_is_ready() -> None:
    (stage,) = [place for place, words in enumerate(instructions()) if words[0] == "FROM"][1:]
    last = instructions()[stage:]
    names = [words[0] for words in last]
    assert "HEALTHCHECK" in names
    (user,) = [words[1] for words in last if words[0] == "USER"]
    assert user != "root"
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_the_extras_of_the_images_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    text = (ROOT / "Dockerfile").read_text() + (ROOT / "compose.yaml").read_text()
    named = {name for names in re.findall(r"EXTRAS(?:=|: )([\w,]+)", text) for name in names.split(",")}
    assert named == {"serve", "postgres"}
    assert named <= set(extras)


def test_no_password_is_written_down() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"PASSWORD: (\S+)", text)) == {"${POSTGRES_PASSWORD:?put"}
    assert "127.0.0.1:8000:8000" in text
