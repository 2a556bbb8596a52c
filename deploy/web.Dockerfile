# Web, worker and beat: everything but training.
FROM node:24-slim AS node

FROM python:3.11-slim AS build
WORKDIR /pestwatch
COPY --from=node /usr/local /usr/local/node
ENV PATH=/opt/venv/bin:/usr/local/node/bin:$PATH PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY . .
RUN pip install -c constraints.txt -e '.[infer,postgres,s3]'
# The tools of the app's sound stay out of the image; without a wheel for this machine the app has no sound.
RUN pip install -c constraints.txt --no-deps --only-binary :all: --target /opt/sound av espeakng-loader || true
RUN pestwatch catalogs compile && PYTHONPATH=/opt/sound pestwatch sound
WORKDIR /pestwatch/field
RUN npm ci && npm run build && rm -rf node_modules generated/sound

FROM python:3.11-slim
RUN useradd --create-home --uid 1000 pestwatch && mkdir /data /srv/app && chown pestwatch /data /srv/app
COPY --from=build /opt/venv /opt/venv
COPY --from=build --chown=pestwatch /pestwatch /pestwatch
WORKDIR /pestwatch
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER pestwatch
ENTRYPOINT ["deploy/start"]
