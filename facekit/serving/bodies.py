"""What the bodies of requests hold. Names of people stand in them only, never in an address."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from facekit.text.subject_names import LONGEST_NAME

Name = Annotated[str, Field(min_length=1, max_length=3 * LONGEST_NAME)]
Names = Annotated[list[Name], Field(min_length=1, max_length=1000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rename(Body):
    """A person, and the name that nobody in the gallery has yet."""

    subject: Name
    name: Name


class Merge(Body):
    """The person who stays, and those whose templates come to them."""

    into: Name
    others: Names


class People(Body):
    """People by their names."""

    subjects: Names


class Person(Body):
    """A person."""

    subject: Name


class Photos(Body):
    """Pictures of a person, by their names or the first digits of their SHA-256."""

    subject: Name
    photos: Names
