#!/usr/bin/env bash
# A step of action.yml: puts the program of a release on the PATH of the steps that follow, if it has the
# sum that the release says, and the release the signature of PUBLIC_KEY. RELEASES is where releases are.
set -euo pipefail

fail() {
  printf '::error::Cannot install kodeno %s: %s\n' "$VERSION" "$1" >&2
  exit 1
}

ending=
case "$(uname -s)" in
  Linux) system=linux ;;
  Darwin) system=darwin ;;
  MINGW* | MSYS* | CYGWIN*) system=windows ending=.exe ;;
  *) fail "there is none for $(uname -s); build it from its source" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) machine=amd64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is none for $(uname -m); build it from its source" ;;
esac
program=kodeno-$system-$machine$ending

case "$VERSION" in
  latest) from=$RELEASES/latest/download ;;
  *) from=$RELEASES/download/v${VERSION#v} ;;
esac
folder=$RUNNER_TEMP/kodeno
mkdir -p "$folder"
cd "$folder"
fetch() {
  curl --fail --silent --show-error --location --retry 3 --output "$1" "$from/$1" ||
    fail "$from/$1 cannot be had; name a release that is there"
}
fetch "$program"
fetch SHA256SUMS
if [ -n "${PUBLIC_KEY:-}" ]; then
  fetch SHA256SUMS.sigstore.json
  printf '%s\n' "$PUBLIC_KEY" >key.pub
  sed 's/.*"signature":"\([^"]*\)".*/\1/' SHA256SUMS.sigstore.json | openssl base64 -d -A >SHA256SUMS.sig
  openssl dgst -sha256 -verify key.pub -signature SHA256SUMS.sig SHA256SUMS >/dev/null ||
    fail "its sums are not signed with the key of public-key"
fi
sum=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$program\$/\1/p" SHA256SUMS)
[ -n "$sum" ] || fail "its SHA256SUMS has no $program"
found=$( (sha256sum "$program" 2>/dev/null || shasum -a 256 "$program") | cut -d ' ' -f 1)
[ "$found" = "$sum" ] || fail "$program has sum $found, and its SHA256SUMS says $sum"

mkdir -p bin
mv -f "$program" "bin/kodeno$ending"
chmod +x "bin/kodeno$ending"
installed=$("bin/kodeno$ending" --version)
printf '%s\n' "$folder/bin" >>"$GITHUB_PATH"
printf 'version=%s\n' "$installed" >>"$GITHUB_OUTPUT"
# Names of images are of small letters, and names of repositories need not be.
printf 'KO_DOCKER_REPO=%s\n' "$(printf %s "$REPOSITORY" | tr '[:upper:]' '[:lower:]')" >>"$GITHUB_ENV"
