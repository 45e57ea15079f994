#!/bin/sh
# The person inside: no network but loopback, no go, no git, nothing in any cache. stick is what the
# courier has brought, and outside.pub the key that came by another way.
set -eux

# Parts are checked one by one. One that is damaged is named, and only that has to come again.
kodeno bundle join stick/app.bundle.tar.000 -o app.bundle.tar

# Who has made it? Any other key is refused.
kodeno key new --output inside
if kodeno bundle verify app.bundle.tar --verify-key inside.pub; then exit 1; fi
kodeno bundle verify app.bundle.tar --verify-key outside.pub > carried.txt

# It tells itself what to do next: PATH with the go that it has brought, the source, a first build.
kodeno bundle apply app.bundle.tar --to app --verify-key outside.pub 2> next.txt
cat next.txt
sed -n 's/^Next step: //p' next.txt > next.sh
. ./next.sh

# The same source gives the same images on both sides.
kodeno build --offline --locked ./... > ../../same.txt
grep ':latest@' ../../carried.txt | diff - ../../same.txt

# Work: a line changes, and images for two platforms come of it.
sed -i 's/from outside/from inside/' private/greeting/greeting.go
kodeno build --offline --locked --sbom spdx --provenance ./...
kodeno push out --to localhost:5001/team

# The way back: the source as it is now, and of the images what is not outside yet, as the receipt says.
kodeno bundle create -o ../../stick/back.bundle.tar --offline --locked --source --sbom spdx \
  --provenance --sign ../../inside.key --site outside --since ../../stick/outside.receipt.json \
  --since-key ../../outside.pub ./...
