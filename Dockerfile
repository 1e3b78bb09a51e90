# The image that the workflows' steps run, and `pressplay serve`: the command pressplay, and ruff, so that it serves as the
# lint gate's image for Python projects too. It has no sandbox: neither the package nor its libraries.
#   docker build -t press-play/pressplay:0.1.0 .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY LICENSE pyproject.toml requirements.lock README.md ./
COPY scripts ./scripts
RUN rm -r scripts/pressplay/sandbox \
 && python -m venv /opt/pressplay \
 && /opt/pressplay/bin/pip install --no-cache-dir -c requirements.lock ".[s3,serve]"

FROM python:3.11.14-slim-bookworm
# The official image has no compiled standard library, and a step, whose root is read-only, would compile what it imports of it each time:
# a third of its CPU time. The rest is compiled by pip.
RUN python -m compileall -q -f --invalidation-mode unchecked-hash -x '/(test|idlelib|lib2to3|ensurepip|tkinter|turtledemo)/' \
      /usr/local/lib/python3.11
COPY --from=build /opt/pressplay /opt/pressplay
ENV PATH=/opt/pressplay/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The user that the chart's security contexts name; it owns nothing in here.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["pressplay"]
