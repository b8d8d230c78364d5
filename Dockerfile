# The service alone, everything inside: it runs with no internet. The database is elsewhere
# (MAPSVC_DATABASE_URL, PostGIS 3.3 or newer; compose.yaml brings one).

FROM node:24-bookworm-slim AS web
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY web ./
RUN npm run build

FROM python:3.11-slim-bookworm AS python
RUN python -m venv /opt/mapsvc
ENV PATH=/opt/mapsvc/bin:$PATH
COPY requirements-image.lock /build/
RUN pip install --no-cache-dir --require-hashes -r /build/requirements-image.lock
COPY pyproject.toml README.md /build/
COPY data /build/data
COPY mapsvc /build/mapsvc
COPY --from=web /build/mapsvc/static/build /build/mapsvc/static/build
RUN pip install --no-cache-dir --no-deps --no-build-isolation /build

FROM python:3.11-slim-bookworm
# pg_dump and pg_restore, for backups; of the database image's version.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mapsvc \
    && install -d -o mapsvc -g mapsvc -m 700 /var/lib/mapsvc
COPY --from=python /opt/mapsvc /opt/mapsvc
COPY layers /etc/mapsvc/layers
ENV PATH=/opt/mapsvc/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MAPSVC_HOME=/var/lib/mapsvc \
    MAPSVC_LAYERS=/etc/mapsvc/layers
USER mapsvc
WORKDIR /var/lib/mapsvc
VOLUME /var/lib/mapsvc
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["mapsvc", "serve", "--host", "0.0.0.0", "--port", "8000"]
