# syntax=docker/dockerfile:1
# One image for every process of Augury: which one it is, the command says. docs/deployment.md
ARG PYTHON=python:3.11-slim-trixie

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/augury
ENV PATH=/opt/augury/bin:$PATH
# Apart from the source, so that a change of code does not install everything again. Every package
# is one of the lock file, by its hash; from which index they come is the builder's business.
COPY requirements-image.lock ./
RUN pip install --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY models models
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip install --no-deps dist/*.whl \
    && pip uninstall --yes hatchling editables pip

FROM ${PYTHON} AS augury
# `tini` takes in the children that examinations of uploads leave behind, and hands signals on.
# `augury backup` runs `pg_dump`, which must not be older than the server.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends --yes postgresql-client-17 tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 augury \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin augury \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/augury /opt/augury
ENV PATH=/opt/augury/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    AUGURY_DATA_DIR=/data
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000 8001 8002
STOPSIGNAL SIGTERM
# Of the default command; compose.yaml and Kubernetes bring the one that fits theirs.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["tini", "--", "augury"]
CMD ["serve", "--host", "0.0.0.0"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Augury" \
    org.opencontainers.image.description="Sells machine-learning predictions for prepaid credits" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
