"""`facekit serve`: listen, and answer until somebody ends it."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING

from facekit import extras, hints, settings
from facekit.arguments import integer_of, path_of, texts_of
from facekit.errors import DependencyError, FacekitError, UsageError
from facekit.faces.reading import Options
from facekit.serving import keys as serving_keys
from facekit.serving import limits as serving_limits
from facekit.verbs.galleries import (
    AnyGallery,
    as_place,
    gallery_for_enrollment,
    is_open,
    open_gallery,
    place_to_write,
    tell_gallery,
)
from facekit.verbs.listeners import OnNote, no_note
from facekit.video import sources

if TYPE_CHECKING:
    from facekit.gallery.places import Place
    from facekit.serving.application import Setup
    from facekit.serving.listening import Server

PACKAGES = ("cryptography", "fastapi", "uvicorn", "python_multipart", "prometheus_client")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BACKLOG = 256


def serve(
    gallery: AnyGallery | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    keys: str | PathLike[str] | None = None,
    require_key: bool = False,
    allow_host: str | Sequence[str] = (),
    allow_embed: bool = False,
    read_only: bool = False,
    thumbnails: bool = False,
    watch: str | PathLike[str] | None = None,
    max_bytes: int = serving_limits.MAX_BYTES,
    max_pictures: int = serving_limits.MAX_PICTURES,
    at_once: int = 0,
    queue: int = serving_limits.QUEUE,
    seconds: float = serving_limits.SECONDS,
    rate: int = 0,
    options: Options | None = None,
    on_note: OnNote = no_note,
) -> None:
    """Answer over HTTP, and show the page, until the process is asked to end (SIGTERM, Ctrl-C).

    A gallery that is not there is made, unless it is only to be read (`read_only`). Beyond the loopback
    every request needs a key of the file `keys` (`serve_key_add`); `allow_host` are further names by which
    the server may be called. `allow_embed` gives out vectors. With `thumbnails`, small
    pictures of enrolled faces are kept beside the gallery, and shown. What happens in front of the camera, or
    in the video, `watch` is told by /v1/events. The other words are those of the command.

    Raises UsageError where it would listen beyond the loopback without keys, or watch with several workers.
    """
    for package in PACKAGES:
        if not settings.has_package(package):
            raise DependencyError(f"the server needs the extra 'serve': {extras.install('serve')}")
    from facekit.serving.application import Setup

    options = Options.of(options)
    limits = serving_limits.Limits(max_bytes, max_pictures, at_once, queue, seconds, rate)
    file = serving_keys.keys_file(keys)
    local = is_loopback(host)
    if not local and not serving_keys.serve_key_list(keys=file):
        raise UsageError(
            f"there is no key yet, and anybody who reaches {host} could use this gallery: make one with: "
            f"{hints.serve_key()}; and put a proxy with TLS before the server (docs/server.md)"
        )
    names = {name.lower() for name in texts_of(allow_host, "allow_host")}
    workers = integer_of(workers, "workers", least=1)
    watched = None if watch is None else sources.parse(path_of(watch, "watch"), max_pixels=options.max_pixels)
    if watched is not None and workers > 1:
        raise UsageError("one process looks at a camera: --watch goes with --workers 1")
    setup = Setup(
        place=_place(gallery, options, read_only, on_note),
        keys=file,
        options=options,
        limits=limits,
        workers=workers,
        hosts=LOOPBACK | names | {host.lower()} if local or names else None,
        require_key=require_key or not local,
        allow_embed=allow_embed,
        read_only=read_only,
        thumbnails=thumbnails,
        watch=watched,
    )
    with listening(host, integer_of(port, "port", least=0, most=65535)) as listener:
        on_note(f"serving at {_address(listener)} (Ctrl-C ends it)")
        if not local:
            on_note(
                "photos and keys cross the network in plain text: put a proxy with TLS before this server"
            )
        _run(setup, listener)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(gallery: AnyGallery | None, options: Options, read_only: bool, on_note: OnNote) -> Place:
    """Where the gallery is, which is there from now on, and of the embedder."""
    pipeline = options.pipeline()
    if is_open(gallery):
        raise UsageError("the gallery is open already: give its place, for every process opens it itself")
    if read_only:
        with open_gallery(as_place(gallery), fingerprint=pipeline.fingerprint, on_note=on_note) as opened:
            return opened.place
    place = place_to_write(gallery)
    if not place.exists():
        on_note(f"{place} is a new gallery")
    else:
        tell_gallery(as_place(gallery), place, on_note)
    with gallery_for_enrollment(place, pipeline) as opened:
        return opened.place


def listening(host: str, port: int) -> socket.socket:
    """Connections inherit that nothing waits for more to send: an answer's body would wait 40 ms for the
    receiver's word that its head has arrived (Nagle's algorithm), and asyncio turns that off only where the
    socket names its protocol.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise FacekitError(
            f"{host}, port {port}: {error.strerror or error}: choose another with --host or --port"
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(setup: Setup, listener: socket.socket) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from facekit.serving.listening import Server

    config = uvicorn.Config(
        setup,
        factory=True,
        workers=setup.workers,
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=int(setup.limits.seconds) + 1,
    )
    with _hang_up_ends() as set_handler:
        if setup.workers > 1:
            supervisor = Multiprocess(config, sockets=[listener])
            set_handler()  # its own would begin all processes anew
            supervisor.run()
            return
        _serve_alone(Server(config, setup.at_end), listener)


def _serve_alone(server: Server, listener: socket.socket) -> None:
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt as end:
        # uvicorn has answered what was begun, and raises the signal again. To be ended is no failure.
        if type(end) is KeyboardInterrupt:
            raise
    if not server.started:
        raise FacekitError("the server could not start; run with --debug to see why")


@contextmanager
def _hang_up_ends() -> Iterator[Callable[[], None]]:
    """A terminal that is closed (SIGHUP) ends the server as SIGTERM does, unless that is ignored, as under
    nohup. The yielded function says so again."""
    number = getattr(signal, "SIGHUP", None)
    before = None if number is None else signal.getsignal(number)
    if number is None or before is None or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def set_handler() -> None:
        ends = before is not signal.SIG_IGN
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM) if ends else None)

    set_handler()
    try:
        yield set_handler
    finally:
        signal.signal(number, before)
