#!/bin/sh
# The person outside, in the checkout of the program; ../stick is what the courier will carry.
set -eux

# Keys are made once. The public half crosses by another way than the bundle: on paper, in a badge.
kodeno key new --output ../outside

# What images are built from is in the repository, and builds keep to it.
kodeno lock ./...
git add kodeno.lock
git commit --quiet -m "Lock what images are built from"
kodeno build --locked --sbom spdx --provenance --oci-layout ../out ./...

# One file with all that builds need, in parts that fit on what carries them.
kodeno bundle create -o ../stick/app.bundle.tar --locked --source --toolchain linux/amd64 \
  --sbom spdx --provenance --sign ../outside.key --split 64MB ./...

# What is here already has not to come back: the other side leaves it out of its bundles.
kodeno bundle receipt ../out -o ../stick/outside.receipt.json --site outside --sign ../outside.key
