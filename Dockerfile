# syntax=docker/dockerfile:1
# deepcrop with the same Ray and Python as the client that submits to it.
#   docker build -t deepcrop .                                  # CPU and CUDA: torch's wheel has both
# The CUDA libraries come with torch's wheels; the host needs NVIDIA's container toolkit only.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS build
WORKDIR /build
RUN python -m venv /opt/deepcrop
COPY pyproject.toml README.md LICENSE ./
COPY deepcrop deepcrop
RUN /opt/deepcrop/bin/pip install --no-cache-dir .

FROM python:${PYTHON}-slim
RUN useradd --create-home --uid 1000 ray
COPY --from=build /opt/deepcrop /opt/deepcrop
COPY --chown=ray jobs /home/ray/jobs
ENV PATH=/opt/deepcrop/bin:$PATH \
    PYTHONUNBUFFERED=1
USER ray
WORKDIR /home/ray
ENTRYPOINT ["deepcrop"]
CMD ["--help"]
