# The service on a CPU, with the embedded model. Without --build-arg pip takes the default torch, which brings CUDA along;
# point it to a CPU build: docker build --build-arg PIP_EXTRA_INDEX_URL=... -t relik-ml .
FROM python:3.11-slim AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/relik-ml
WORKDIR /src
COPY constraints.txt ./
# By itself, so that a change of the code does not fetch it again.
RUN /opt/relik-ml/bin/pip install -c constraints.txt torch
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY converters converters
COPY indexes indexes
COPY recipes recipes
COPY relik_ml relik_ml
RUN /opt/relik-ml/bin/pip install -c constraints.txt ".[serve]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home relik
COPY --from=build /opt/relik-ml /opt/relik-ml
ENV PATH=/opt/relik-ml/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["relik-ml"]
CMD ["serve", "--host", "0.0.0.0"]
