# syntax=docker/dockerfile:1
# deepcrop with the Ray and the Python minor of the client that submits to it: a test compares them.
#   docker build -t deepcrop:cuda .
#   docker build -t deepcrop:cpu --build-arg TORCH_INDEX=URL .         # no GPU: a fifth of the size
#   docker build -t deepcrop:benchmark --build-arg EXTRAS=benchmark .  # with jobs/'s benchmarks
# The build itself needs no GPU.
# TORCH_INDEX: URL of the package index with PyTorch's wheels for CPUs; PyTorch's installation page
# names it. Without it, torch installs its CUDA libraries; the host then needs only NVIDIA's
# driver and container toolkit.
# EXTRAS: extras of pyproject.toml, separated by commas. With `benchmark` the image can run
# `python -m jobs.benchmark`, `jobs.torture`, `jobs.fuzz` and `jobs.demo`.
# Versions: PYTHON below, and constraints.txt, with which the tests ran.
ARG PYTHON=3.11.14

FROM python:${PYTHON}-slim-bookworm AS build
ARG TORCH_INDEX=""
ARG EXTRAS=""
ENV PATH=/opt/deepcrop/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/deepcrop
# The largest packages come first, so that a change of deepcrop doesn't download torch again.
COPY constraints.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then \
      pip install --constraint constraints.txt --extra-index-url "$TORCH_INDEX" \
        "torch==$(sed -n 's/^torch==//p' constraints.txt)+cpu" \
        "torchvision==$(sed -n 's/^torchvision==//p' constraints.txt)+cpu"; \
    else \
      pip install --constraint constraints.txt torch torchvision; \
    fi
COPY pyproject.toml README.md LICENSE ./
COPY deepcrop deepcrop
RUN pip install --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}-slim-bookworm
# KubeRay's probes call the node's agent with wget. Any version does, and old ones leave the archive.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 ray
COPY --from=build /opt/deepcrop /opt/deepcrop
COPY jobs /home/ray/jobs
ENV PATH=/opt/deepcrop/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RAY_USAGE_STATS_ENABLED=0
# By number, so that Kubernetes can see that it isn't root.
USER 1000
WORKDIR /home/ray
# No entry point: `ray up` and KubeRay start a shell in it.
CMD ["deepcrop", "--help"]
