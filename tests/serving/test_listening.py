"""How the server listens."""

from __future__ import annotations

import socket

from facekit.serving.server import listening


def test_the_body_of_an_answer_does_not_wait_for_word_that_its_head_has_arrived() -> None:
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
