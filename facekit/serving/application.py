"""The application of one server process: what it is given, and what it holds while it runs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp

from facekit import __version__, settings
from facekit.faces.reading import Options
from facekit.gallery.places import Place
from facekit.serving import facts, grouping, openapi, showing
from facekit.serving.guard import Admission, Guard
from facekit.serving.keys import Keys
from facekit.serving.limits import Limits
from facekit.serving.monitoring import CONTENT_TYPE, Metrics
from facekit.serving.problems import RequestError, internal
from facekit.serving.routes import router
from facekit.serving.seals import KEY_BYTES, Seals
from facekit.serving.service import Service, starting
from facekit.serving.watching import Watching
from facekit.serving.watching import router as events
from facekit.serving.work import Workplace

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.video.sources import VideoSource

PAGE = Path(__file__).with_name("page")


@dataclass(frozen=True)
class Setup:
    """All that a server process needs to know. Called, it makes the application; it can be sent to another
    process."""

    place: Place
    keys: Path
    options: Options = field(default_factory=Options)
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    hosts: frozenset[str] | None = frozenset({"localhost", "127.0.0.1", "::1"})
    require_key: bool = False
    allow_embed: bool = False
    read_only: bool = False
    thumbnails: bool = False
    watch: VideoSource | None = None
    seal_key: bytes = field(default_factory=lambda: os.urandom(KEY_BYTES), repr=False)
    """All processes of a server open what one of them sealed."""
    at_end: list[Callable[[], None]] = field(default_factory=list)
    """Called before the server waits for the requests that were begun: there are some that never end."""

    @property
    def cores(self) -> int:
        """Of each process."""
        return max(1, settings.default_threads() // self.workers)

    def __call__(self) -> ASGIApp:
        if multiprocessing.parent_process() is not None and hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal: the parent ends this process
        workplace = Workplace(self.limits.at_once or self.cores, self.limits.queue)
        metrics = Metrics()
        admission = Admission(self.require_key, self.hosts, Keys(self.keys))
        app = _application(self, workplace, metrics)
        return Guard(app, admission, self.limits, workplace, metrics, self.workers)


def _application(setup: Setup, workplace: Workplace, metrics: Metrics) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # FastAPI makes its routes when it first needs them, which is no work for a request.
        openapi.document(app)
        pipeline = setup.options.pipeline(threads=setup.cores)
        await asyncio.to_thread(pipeline.warm)
        with setup.place.open(write=not setup.read_only, fingerprint=pipeline.fingerprint) as gallery:
            await asyncio.to_thread(gallery.matrix)
            sweeping = None
            if setup.thumbnails and not setup.read_only:
                sweeping = asyncio.create_task(showing.sweep(gallery))
            app.state.service = Service(
                gallery,
                pipeline,
                setup.options,
                setup.limits,
                workplace,
                metrics,
                Seals(setup.seal_key, pipeline.fingerprint, pipeline.dimension, crops=setup.thumbnails),
                setup.allow_embed,
                setup.read_only,
                setup.thumbnails,
            )
            app.state.watching = watching = _watching(setup, gallery, pipeline)
            yield
            if watching is not None:
                await watching.close()
            if sweeping is not None:
                sweeping.cancel()
                await asyncio.wait([sweeping])
            workplace.close()
            app.state.service = None

    app = FastAPI(
        title="facekit",
        version=__version__,
        description="Who is in this photo? The commands of facekit over HTTP.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = app.state.watching = None
    for routes in (router, grouping.router, facts.router, showing.router, events):
        app.include_router(routes)
    _around(app, metrics)
    app.mount("/page", StaticFiles(directory=PAGE))
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


def _watching(setup: Setup, gallery: Gallery, pipeline: Pipeline) -> Watching | None:
    """A watch that has begun, where one is wanted."""
    from facekit.verbs.watch import watch

    source = setup.watch
    if source is None:
        return None
    watching = Watching(
        lambda stop: watch(
            source.place, gallery, wait=source.live, options=setup.options, pipeline=pipeline, stop=stop
        ),
        gallery.place,
        live=source.live,
    )
    setup.at_end.append(watching.end)
    watching.begin()
    return watching


def _around(app: FastAPI, metrics: Metrics) -> None:
    """What is about the server itself: the page, its state, its description."""

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/health", tags=["server"], summary="Whether the server runs")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/ready", tags=["server"], summary="Whether it can answer: its networks and its gallery are there"
    )
    async def ready(request: Request) -> dict[str, str]:
        service: Service | None = request.app.state.service
        if service is None:
            raise starting()
        await service.check_gallery()
        return {"status": "ready"}

    @app.get("/metrics", tags=["server"], summary="Counts and times, as Prometheus reads them")
    def numbers(request: Request) -> Response:
        service: Service | None = request.app.state.service
        if service is None:
            raise starting()
        people, templates = service.counts()
        text = metrics.text(
            inside=service.workplace.inside,
            people=people,
            templates=templates,
        )
        return Response(text, media_type=CONTENT_TYPE)

    @app.get("/v1/openapi.json", include_in_schema=False)
    def description() -> dict[str, Any]:
        return openapi.document(app)


async def _of_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestError)
    return problem.response()


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return RequestError(HTTPStatus(error.status_code), str(error.detail), headers=error.headers).response()


async def _of_values(request: Request, error: Exception) -> Response:
    """Values that are not what the description says; they themselves are not repeated."""
    assert isinstance(error, RequestValidationError)
    wrong = [
        f"{'.'.join(map(str, each['loc'][1:])) or each['loc'][0]}: {each['msg']}" for each in error.errors()
    ]
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(wrong)).response()


async def _of_internal(request: Request, error: Exception) -> Response:
    return internal(error).response()


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Any]] = {
    RequestError: _of_problem,
    HTTPException: _of_http,
    RequestValidationError: _of_values,
    Exception: _of_internal,
}
