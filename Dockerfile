# Penstock as one image: a demonstration by default, and each part of compose.yaml by its command.
# Contracts are compiled and packages installed when it is built; nothing is when it runs.
FROM node:22-bookworm-slim AS node

FROM python:3.11-slim-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /penstock
COPY . .
RUN python tools/bootstrap.py \
 && .venv/bin/python -c "from chain.artifacts import ensure_compiled; ensure_compiled()"

FROM python:3.11-slim-bookworm
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /penstock /penstock
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data penstock \
 && install --directory --owner=penstock --group=penstock --mode=0750 /data
ENV PATH=/penstock/.venv/bin:/penstock/node_modules/.bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /penstock
USER penstock
VOLUME /data
EXPOSE 8600
HEALTHCHECK --start-period=120s --interval=10s --timeout=5s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8600/health/live', timeout=4)"]
ENTRYPOINT ["penstock"]
CMD ["serve", "--host", "0.0.0.0", "--origin", "http://localhost:8600"]
