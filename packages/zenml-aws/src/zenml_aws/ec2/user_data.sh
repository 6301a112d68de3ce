
set -u -o pipefail
umask 077

imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
work=$(mktemp -d)
export DOCKER_CONFIG="$work/docker"
ending=''
said=''
watch=''

say() { printf 'zenml: %s\n' "$*"; }

# End the machine. What it reports is on its console, where the client reads it.
finish() {
  printf 'zenml-report: %s\n' "$*"
  rm -rf "$work"
  [ -z "$watch" ] || kill "$watch" 2>/dev/null
  shutdown -h now
  exit 0
}

# Make a command succeed within a few tries; what it said at last is in $said.
tried() {
  local seconds_to_wait
  for seconds_to_wait in "${waits[@]}" ''; do
    "$@" >"$work/said" 2>&1 && return 0
    said=$(tail -n 1 "$work/said")
    [ -z "$seconds_to_wait" ] || sleep "$seconds_to_wait"
  done
  return 1
}

# Give the container's process the time of grace to end.
stop() { docker stop -t "$grace" zenml >/dev/null 2>&1; }

# Tell whether this spot machine is about to be taken away.
is_taken() {
  local token
  token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/latest/api/token") &&
    curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/spot/instance-action" >/dev/null
}

# shellcheck disable=SC2329 # it is called by name
log_in() {
  aws ecr get-login-password --region "$registry_region" |
    docker login --username AWS --password-stdin "$registry"
}

# Write the run's secrets to a file, by the role of this machine; they pass through pipes only.
# shellcheck disable=SC2329 # it is called by name
fetch_secrets() {
  aws ssm get-parameters-by-path --path "$secrets_path" --with-decryption --region "$region" --output json |
    python3 -c '
import base64, json, sys
answer = json.loads(sys.stdin.read() or sys.exit(1))
found = {row["Name"].rpartition("/")[2]: row["Value"] for row in answer["Parameters"]}
missing = [name for name in sys.argv[2:] if name not in found]
if missing:
    sys.exit("not found: " + " ".join(missing))
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({name: base64.b64decode(found[name]).decode() for name in sys.argv[2:]}, file)
' "$work/environment.json" "${secrets[@]}"
}

# Remove the run's secrets where the role allows it; clean-up removes them, too.
drop_secrets() {
  local name
  for name in "${secrets[@]}"; do
    aws ssm delete-parameter --name "$secrets_path/$name" --region "$region" >/dev/null 2>&1
  done
}

trap 'ending=stopped; stop' TERM
trap 'ending=late; stop' USR1

if [ "$seconds" -gt 0 ]; then
  # The system ends the machine even where this script hangs; before that, the script does, and says why.
  shutdown -h "+$((seconds / 60 + 2))" 'the deadline of the run has passed'
  (
    trap - TERM USR1
    sleep "$seconds"
    kill -USR1 "$$"
    sleep "$((grace + 10))"
    printf 'zenml-report: late\n'
    shutdown -h now
  ) &
  watch=$!
fi

say "run $run: preparing"
if ! command -v docker >/dev/null; then
  tried dnf install -y -q docker || finish "failed Docker cannot be installed: $said"
fi
systemctl stop --no-block ecs >/dev/null 2>&1 # the agent of an image that is made for ECS
systemctl start docker
tried docker info || finish "failed Docker cannot be started: $said"
if [ -n "$registry" ] || [ "${#secrets[@]}" -gt 0 ]; then
  if ! command -v aws >/dev/null; then
    tried dnf install -y -q awscli-2 || finish "failed the AWS tools cannot be installed: $said"
  fi
fi
if [ -n "$registry" ]; then
  tried log_in || finish "failed the registry $registry refuses the role of the instance: $said"
fi
say "pulling $image"
tried docker pull --quiet "$image" || finish "failed the image $image cannot be pulled: $said"
if [ "${#secrets[@]}" -gt 0 ]; then
  tried fetch_secrets || finish "failed the secrets of the run cannot be read by the role of the instance: $said"
  user=$(docker run --rm --network none --entrypoint id "$image" -u) && chown "$user" "$work/environment.json"
  options+=(--mount "type=bind,source=$work/environment.json,target=$secrets_file,readonly")
fi

while [ -z "$ending" ]; do
  docker rm --force zenml >/dev/null 2>&1
  if ! docker run --detach --name zenml --stop-timeout "$grace" "${options[@]}" "$image" "${command[@]}" \
    >/dev/null 2>"$work/said"; then
    finish "failed the container cannot be started: $(tail -n 1 "$work/said")"
  fi
  say "run $run: its container was started"
  docker wait zenml >"$work/code" 2>/dev/null &
  waiting=$!
  while kill -0 "$waiting" 2>/dev/null; do
    if [ "$spot" = yes ] && is_taken; then
      ending=preempted
      say 'the machine is about to be taken away'
      stop
      break
    fi
    sleep "$pause" &
    wait -n "$waiting" "$!"
  done
  wait "$waiting"
  code=$(cat "$work/code")
  docker logs --tail 100 zenml 2>&1 | tail -c 16384
  [ "$code" = 75 ] || break # another code than this says that the run was stopped, and is to go on
done

case "${code:-}" in 0 | 1 | 3) ending='' ;; esac # the run had ended, whatever was about to happen
if [ "$ending" = preempted ]; then
  printf 'zenml-report: preempted\n'
  sleep 300 & # EC2 ends the machine before that
  wait "$!"
  finish preempted
fi
[ "${code:-75}" = 75 ] || drop_secrets # where it is to go on, they are needed
memory=$(docker inspect --format '{{.State.OOMKilled}}' zenml 2>/dev/null)
[ -z "$ending" ] || finish "$ending"
finish "ended ${code:-unknown} ${memory:-unknown}"
