# syntax=docker/dockerfile:1
# Foramina: research use only, not a medical device.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy
WORKDIR /src
RUN python -m venv /opt/foramina && pip install uv==0.13.9
COPY requirements.lock ./
RUN uv pip sync --compile-bytecode --python /opt/foramina/bin/python --require-hashes requirements.lock
COPY pyproject.toml README.md ./
COPY node ./node
COPY model ./model
COPY storage ./storage
RUN uv build --wheel --out-dir /dist . \
    && uv pip install --compile-bytecode --python /opt/foramina/bin/python --no-deps /dist/*.whl

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="foramina" \
      org.opencontainers.image.description="Finds lumbar foramina on sagittal T1 MRI. Research use only, not a medical device."
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/foramina foramina \
    && install --directory --owner=foramina --group=foramina /var/lib/foramina/var /etc/foramina
COPY --from=build /opt/foramina /opt/foramina
COPY --chown=root:root config.yaml /etc/foramina/config.yaml
ENV PATH=/opt/foramina/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FORAMINA_NODE__HOST=0.0.0.0 \
    FORAMINA_STORAGE__FOLDER=/var/lib/foramina/var \
    FORAMINA_LOG__FORMAT=json
USER 10001
WORKDIR /var/lib/foramina
VOLUME /var/lib/foramina/var
EXPOSE 11112
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
    CMD ["foramina", "health", "--config", "/etc/foramina/config.yaml"]
ENTRYPOINT ["foramina"]
CMD ["serve", "--config", "/etc/foramina/config.yaml"]
