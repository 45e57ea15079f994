#!/usr/bin/env bash
# A step of action.yml: logs ACTOR in to the registry of KO_DOCKER_REPO with TOKEN.
set -euo pipefail

case "${KO_DOCKER_REPO:-}" in
  *.*/* | *:*/* | localhost/*) ;;
  *) exit 0 ;; # It names no registry, so that nobody has to be known.
esac
printf %s "$TOKEN" | kodeno login "${KO_DOCKER_REPO%%/*}" --username "$ACTOR" --password-stdin
