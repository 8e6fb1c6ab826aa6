"""Addresses and schemas of each test's own on the server of the tests."""

import pytest

from facekit.gallery import place_of


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
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        yield connection.execute
