# facekit as a server: docs/server.md. The gallery and the keys are in /data.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY facekit facekit
COPY weights weights
COPY gallery/README.md gallery/reference.db gallery/
ARG EXTRAS=serve
RUN python -m venv /opt/facekit && /opt/facekit/bin/pip install --no-cache-dir ".[${EXTRAS}]"

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home facekit \
    && install -d -o facekit -g facekit -m 0700 /data
COPY --from=build /opt/facekit /opt/facekit
ENV PATH=/opt/facekit/bin:$PATH \
    XDG_DATA_HOME=/data \
    FACEKIT_GALLERY=/data/gallery.db \
    PYTHONUNBUFFERED=1
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
ENTRYPOINT ["facekit"]
CMD ["serve", "--host", "0.0.0.0", "--keys", "/data/keys.json"]
