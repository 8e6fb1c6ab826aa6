"""The sound of a video, packet by packet as it is, for another video of the same pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from facekit.video.streams import FILES_ONLY


class Sound:
    """The sound of the file at `path`, in time with its first frame."""

    def __init__(self, av: ModuleType, path: Path) -> None:
        self._errors = (av.error.FFmpegError, OSError, ValueError, MemoryError, LookupError)
        self._container = av.open(f"file:{path}", options=FILES_ONLY)
        self._copies: dict[int, Any] = {}
        video = self._container.streams.video[0]
        start = video.start_time or 0
        self._start = float(start * video.time_base) if video.time_base else 0.0
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None
        self.lost = False
        """Whether there was sound that the other file cannot hold, or that cannot be read."""

    def attach(self, container: Any) -> None:
        """Open the same streams of sound in a container that is written."""
        for stream in self._container.streams.audio:
            try:
                self._copies[stream.index] = container.add_stream_from_template(stream)
            except self._errors:
                self.lost = True
        streams = [self._container.streams[index] for index in self._copies]
        if streams:
            self._packets = self._demuxed(streams)

    def until(self, seconds: float) -> Iterator[Any]:
        """The packets up to a time, each for the container that is written."""
        while True:
            packet = self._next or next(self._packets, None)
            self._next = None
            if packet is None:
                return
            if packet.dts * packet.time_base > seconds:
                self._next = packet
                return
            packet.stream = self._copies[packet.stream.index]
            yield packet

    def close(self) -> None:
        self._container.close()

    def _demuxed(self, streams: list[Any]) -> Iterator[Any]:
        packets = self._container.demux(streams)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self._errors:
                self.lost = True
                return
            if packet.dts is None or not packet.time_base:
                continue
            earlier = round(self._start / packet.time_base)
            packet.dts -= earlier
            if packet.pts is not None:
                packet.pts -= earlier
            yield packet
