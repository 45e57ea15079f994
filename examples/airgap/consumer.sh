#!/bin/sh
# Those inside who run the images: they take them from the registry inside, with what they have.
set -eux

skopeo copy --src-tls-verify=false docker://localhost:5001/team/notice:latest oci:pulled:notice
podman pull --tls-verify=false localhost:5001/team/notice:latest
if [ -n "${DOCKER_HOST-}" ]; then
  docker pull localhost:5001/team/notice:latest
  docker run --rm --network none localhost:5001/team/notice:latest
fi
