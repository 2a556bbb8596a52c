# The trainer: the only image with TensorFlow.
FROM python:3.11-slim
RUN useradd --create-home --uid 1000 pestwatch && mkdir /data && chown pestwatch /data
WORKDIR /pestwatch
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1
RUN python -m venv /opt/venv
COPY --chown=pestwatch . .
RUN pip install -c constraints.txt -e '.[train,postgres,s3]'
USER pestwatch
ENTRYPOINT ["deploy/start"]
