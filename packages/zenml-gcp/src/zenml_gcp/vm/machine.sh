#!/bin/bash
# Runs the container of one ZenML run on this machine. At the end of the run it deletes the run's secret and then the
# machine itself; what kept the container from running is first written to the artifact store. A machine that is being
# shut down (preempted, stopped, deleted) ends the container, and keeps the rest for its next start.
set -uo pipefail
umask 077
declare -a OPTIONS=() ARGUMENTS=() PROXY_OPTIONS=()
# shellcheck source=/dev/null
. "$1"

: "${PROJECT:?}" "${ZONE:?}" "${NAME:?}" "${IMAGE:?}" "${USER_ID:?}" "${STARTS:?}" "${COMPUTE:?}" "${SECRET_MANAGER:?}"
: "${SECRET=}" "${CONNECTION=}" "${PROXY_IMAGE=}" "${PROXY_PORT=}" "${REGISTRY=}" "${GPU=}" "${NOTE=}"
METADATA="http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1/instance"
SCRATCH=${RUNTIME_DIRECTORY:-/run/zenml}
PROXY="$NAME-sql"
child=
stopping=

# Call a command until it succeeds, a few times.
patiently() {
  local pause
  for pause in 1 2 4 8; do
    "$@" && return
    [ -z "$stopping" ] || return 1
    sleep "$pause"
  done
  "$@"
}

# Print something that the machine knows about itself.
metadata() {
  curl --silent --show-error --fail --max-time 20 --header 'Metadata-Flavor: Google' "$METADATA/$1"
}

# Print a token of the machine's service account.
token() {
  metadata service-accounts/default/token | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p'
}

# Call an API of Google's: api VERB URL [OPTION…]. The token stands on no command line.
api() {
  local verb=$1 url=$2
  shift 2
  printf 'header = "Authorization: Bearer %s"\n' "$(token)" |
    curl --config - --silent --show-error --fail --max-time 60 --request "$verb" "$@" "$url"
}

# Write to the artifact store why the run could not begin: note STAGE TEXT.
note() {
  echo "zenml: $1: $2" >&2
  [ -n "$NOTE" ] || return 0
  printf '%s %s\n%s\n' "$(patiently metadata id)" "$1" "$2" > "$SCRATCH/note"
  patiently api POST "$NOTE" --data-binary "@$SCRATCH/note" --header 'Content-Type: text/plain' --output /dev/null ||
    echo 'zenml: the artifact store cannot be written to' >&2
}

read_secret() {
  api GET "$SECRET_MANAGER/v1/projects/$PROJECT/secrets/$SECRET/versions/latest:access" |
    sed -n 's/.*"data" *: *"\([^"]*\)".*/\1/p' | base64 --decode > "$SCRATCH/secrets.json" && [ -s "$SCRATCH/secrets.json" ]
}

# Bring what the container needs; the first thing that fails is noted.
prepare() {
  local said
  if [ -n "$REGISTRY" ]; then
    patiently docker-credential-gcr configure-docker --registries "$REGISTRY" > /dev/null
  fi
  if ! said=$(patiently docker pull --quiet "$IMAGE" 2>&1); then
    note image "$said"
    return 1
  fi
  if [ -n "$SECRET" ]; then
    if ! said=$(patiently read_secret 2>&1); then
      note secrets "$said"
      return 1
    fi
    chown "$USER_ID" "$SCRATCH/secrets.json"
    chmod 711 "$SCRATCH"
    OPTIONS+=(--mount "type=bind,source=$SCRATCH/secrets.json,target=$SCRATCH/secrets.json,readonly")
    OPTIONS+=(--env "ZENML_ENV_FILE=$SCRATCH/secrets.json")
  fi
  if [ -n "$GPU" ] && ! said=$(install_gpu 2>&1); then
    note gpu "$said"
    return 1
  fi
  if [ -n "$CONNECTION" ]; then
    start_proxy
  fi
}

install_gpu() {
  patiently cos-extensions install gpu &&
    mount --bind /var/lib/nvidia /var/lib/nvidia && mount -o remount,exec /var/lib/nvidia
}

start_proxy() {
  local said
  docker rm --force "$PROXY" > /dev/null 2>&1
  if ! said=$(patiently docker pull --quiet "$PROXY_IMAGE" 2>&1); then
    note proxy "$said"
    return 1
  fi
  docker run --detach --name "$PROXY" --network host "$PROXY_IMAGE" "${PROXY_OPTIONS[@]}" \
    --address 127.0.0.1 --port "$PROXY_PORT" --run-connection-test "$CONNECTION" > /dev/null
  until (exec 3<> "/dev/tcp/127.0.0.1/$PROXY_PORT") 2> /dev/null; do
    if [ "$(docker inspect --format '{{.State.Running}}' "$PROXY" 2> /dev/null)" != true ]; then
      note proxy "$(docker logs --tail 10 "$PROXY" 2>&1)"
      return 1
    fi
    [ -z "$stopping" ] || return 1
    sleep 1
  done
}

# Run the container once, and return its exit code.
run_once() {
  local code devices=() device
  docker rm --force --volumes "$NAME" > /dev/null 2>&1
  if [ -n "$GPU" ]; then
    for device in /dev/nvidia*; do
      [ ! -c "$device" ] || devices+=(--device "$device")
    done
    devices+=(--volume /var/lib/nvidia/lib64:/usr/local/nvidia/lib64:ro --volume /var/lib/nvidia/bin:/usr/local/nvidia/bin:ro)
  fi
  docker run --name "$NAME" "${OPTIONS[@]}" ${devices[@]+"${devices[@]}"} "$IMAGE" "${ARGUMENTS[@]}" &
  child=$!
  while wait "$child"; code=$?; [ -n "$stopping" ] && kill -0 "$child" 2> /dev/null; do :; done
  return "$code"
}

# As the machine is being shut down, let the container say how it ends.
stop() {
  stopping=yes
  [ -n "$child" ] || return 0
  until docker stop --time 25 "$NAME" > /dev/null 2>&1 || ! kill -0 "$child" 2> /dev/null; do
    sleep 1
  done
}

# Remove what there is of the run, the machine last.
finish() {
  if [ -n "$SECRET" ]; then
    api DELETE "$SECRET_MANAGER/v1/projects/$PROJECT/secrets/$SECRET" --output /dev/null
  fi
  if ! patiently api DELETE "$COMPUTE/compute/v1/projects/$PROJECT/zones/$ZONE/instances/$NAME" --output /dev/null; then
    echo 'zenml: the machine may not delete itself, and is stopped instead' >&2
    systemctl poweroff
  fi
}

trap stop TERM
if prepare; then
  code=75
  for ((number = 1; number <= STARTS; number++)); do
    run_once
    code=$?
    [ -z "$stopping" ] || exit 0
    case $code in
      75 | 137 | 143) ;; # somebody told it to stop, or its memory was taken: the same command goes on
      *) break ;;
    esac
  done
  if [ "$code" != 0 ] && [ "$code" != 3 ]; then
    note "run $code" "$(docker logs --tail 20 "$NAME" 2>&1)"
  fi
fi
[ -z "$stopping" ] || exit 0
finish
