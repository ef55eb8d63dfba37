# gridmap without its private cluster: PostGIS runs beside it (compose.yaml).
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates nodejs npm \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/gridmap
COPY pyproject.toml requirements.txt package.json package-lock.json .npmrc ./
COPY scripts scripts
COPY gridmap/static/icons.txt gridmap/static/icons.txt
RUN bash -c '. scripts/_setup.sh; install_wheels wheels requirements.txt; install_assets'
COPY . .
RUN bash -c '. scripts/_setup.sh; install_words' && rm -rf node_modules

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /var/lib/gridmap --shell /usr/sbin/nologin gridmap
WORKDIR /srv/gridmap
COPY --from=build /srv/gridmap /srv/gridmap
USER gridmap
ENV GRIDMAP_HOME=/var/lib/gridmap PYTHONUTF8=1
# 127.0.0.1 inside the container; compose.yaml shares the network of the host's loopback.
CMD [".venv/bin/python", "-m", "gridmap", "serve"]
