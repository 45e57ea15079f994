#!/bin/sh
# A trip across an air gap, on one machine. Two network namespaces without a route between them stand
# for the two sides, and two folders for the stick that a courier carries.
#
#   sudo sh trip.sh                          the whole trip; nothing of it stays
#   TRIP=/tmp/trip sudo -E sh trip.sh STAGE  one stage of it, in a folder that stays until "end"
#   TRIP=/tmp/trip sudo -E sh trip.sh at inside COMMAND...
#
# What people do is in outside.sh, inside.sh, consumer.sh and outside-again.sh; this script makes the
# sides, and carries. It needs root, ip, kodeno, go, git, docker-registry, skopeo and podman.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# Whoever works inside is nobody whom this machine knows.
user=4711

say() { printf '\n== %s\n' "$*" >&2; }

# A network of its own with nothing but loopback. The file has the words by which commands run there;
# "ip netns exec" would hide the cgroups from Docker.
network() {
  if ip netns add "$name-$1"; then
    net=/run/netns/$name-$1
  else
    unshare --net sleep 7200 > /dev/null 2>&1 &
    pid=$!
    echo "$pid" >> "$TRIP/pids"
    until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
      kill -0 "$pid"
      sleep 0.1
    done
    net=/proc/$pid/ns/net
  fi
  echo "nsenter --net=$net unshare --mount" > "$TRIP/$1.words"
  $(cat "$TRIP/$1.words") ip link set lo up
}

# Outside: this user, with no settings of go's, and what a network would bring, from go's cache.
at_outside() {
  $(cat "$TRIP/outside.words") env PATH="$TRIP/bin:$PATH" KODENO_CACHE="$TRIP/outside/cache" \
    GOPROXY="file://$(go env GOMODCACHE)/cache/download" GOFLAGS="" GOENV=off \
    KODENO_KEY_PASSWORD=outside "$@"
}

# Inside: another user and HOME, an empty environment, and no program but those that are linked there.
at_inside() {
  $(cat "$TRIP/inside.words") setpriv --reuid=$user --regid=$user --clear-groups --no-new-privs \
    env -i HOME="$TRIP/inside/home" PATH="$TRIP/inside/bin" KODENO_KEY_PASSWORD=inside "$@"
}

registry() {
  cat > "$TRIP/$1-registry.yml" <<END
version: 0.1
storage: { filesystem: { rootdirectory: "$TRIP/$1-registry" } }
http: { addr: "localhost:$2" }
END
  $(cat "$TRIP/$1.words") docker-registry serve "$TRIP/$1-registry.yml" \
    > "$TRIP/$1-registry.log" 2>&1 &
  pid=$!
  echo "$pid" >> "$TRIP/pids"
  until grep -qs "listening on" "$TRIP/$1-registry.log"; do
    kill -0 "$pid"
    sleep 0.1
  done
}

begin() {
  say "The two sides"
  mkdir -p "$TRIP/bin" "$TRIP/outside/stick" "$TRIP/inside/stick" "$TRIP/inside/bin" \
    "$TRIP/inside/home"
  chmod 755 "$TRIP"
  cp "${KODENO:-$(command -v kodeno)}" "$TRIP/bin/kodeno"
  network outside
  network inside

  # Outside: a repository, and a registry with the base image of the team.
  cp -r "$here/app" "$TRIP/outside/app"
  cd "$TRIP/outside/app"
  git init --quiet
  git add --all
  git commit --quiet -m "Begin"
  # Here is the network that the side outside would have.
  go mod download
  (cd / && go mod download "golang.org/toolchain@v0.0.1-$(go env GOVERSION).linux-amd64")
  registry outside 5000
  cd "$here/base"
  KO_DOCKER_REPO=localhost:5000/team/base at_outside \
    kodeno build --bare --push -t v1 --platform linux/amd64,linux/arm64 > /dev/null

  # Inside: a registry, and a few programs.
  registry inside 5001
  ln -s "$TRIP/bin/kodeno" "$TRIP/inside/bin/kodeno"
  for program in sh cat diff env grep sed; do
    ln -s "$(command -v "$program")" "$TRIP/inside/bin/$program"
  done
  chown -R $user:$user "$TRIP/inside"

  say "No way leads from one to the other"
  cd "$TRIP/inside"
  at_inside cat /proc/net/route | { read -r _ && ! read -r _; }
  if at_inside sh -c "command -v go git"; then exit 1; fi
  if at_inside kodeno copy localhost:5000/team/base:v1 oci:none; then exit 1; fi
  if at_inside kodeno copy 192.0.2.1:5000/team/base:v1 oci:none; then exit 1; fi
}

outside() {
  say "Outside: lock, and make the bundle"
  cd "$TRIP/outside/app"
  at_outside sh "$here/outside.sh"
}

# The stick has a bad spot.
carry() {
  say "The courier: brings the parts, and one of them again"
  cp "$TRIP"/outside/stick/* "$TRIP/inside/stick/"
  cp "$TRIP/outside/outside.pub" "$here/inside.sh" "$TRIP/inside/"
  printf scratch | dd of="$TRIP/inside/stick/app.bundle.tar.002" bs=1 seek=1000000 conv=notrunc \
    status=none
  chown -R $user:$user "$TRIP/inside"
  cd "$TRIP/inside"
  if at_inside sh inside.sh 2> "$TRIP/damaged.txt"; then exit 1; fi
  cat "$TRIP/damaged.txt" >&2
  grep -q "app.bundle.tar.002 is damaged" "$TRIP/damaged.txt"
  cp "$TRIP/outside/stick/app.bundle.tar.002" "$TRIP/inside/stick/"
}

inside() {
  say "Inside: check, apply, change, build, push, and make the bundle for the way back"
  cd "$TRIP/inside"
  at_inside sh inside.sh
}

consumer() {
  say "Inside: others take the images from the registry"
  mkdir "$TRIP/consumer"
  cd "$TRIP/consumer"
  cat > storage.conf <<END
[storage]
driver = "vfs"
graphroot = "$TRIP/consumer/root"
runroot = "$TRIP/consumer/run"
END
  CONTAINERS_STORAGE_CONF="$PWD/storage.conf" $(cat "$TRIP/inside.words") sh "$here/consumer.sh"
}

back() {
  say "Outside: check what has come back, and build it from its source"
  cp "$TRIP/inside/stick/back.bundle.tar" "$TRIP/outside/stick/"
  cp "$TRIP/inside/inside.pub" "$TRIP/outside/"
  cd "$TRIP/outside/app"
  at_outside sh "$here/outside-again.sh"
}

end() {
  cd /
  [ ! -e "$TRIP/pids" ] || while read -r pid; do kill "$pid" || :; done < "$TRIP/pids"
  for side in outside inside; do
    [ ! -e "/run/netns/$name-$side" ] || ip netns delete "$name-$side"
  done
  rm -rf "$TRIP"
}

export GIT_AUTHOR_NAME=Outside GIT_AUTHOR_EMAIL=outside@example.com
export GIT_COMMITTER_NAME=Outside GIT_COMMITTER_EMAIL=outside@example.com
if [ $# -gt 0 ]; then
  name=$(basename "$TRIP")
  case $1 in
    at) side=$2 && shift 2 && cd "$TRIP/$side" && "at_$side" "$@" ;;
    begin | outside | carry | inside | consumer | back | end) "$1" ;;
    *) echo "there is no stage $1" >&2 && exit 2 ;;
  esac
else
  TRIP=$(mktemp -d)
  name=$(basename "$TRIP")
  trap end EXIT
  for stage in begin outside carry inside consumer back; do "$stage"; done
  say "The same digest on both sides"
fi
