#!/bin/sh
# A Ray cluster of plain machines, each with deepcrop installed. It lasts as long as this runs.
#   on one machine:      ray get-auth-token --generate     # then copy ~/.ray/auth_token to all
#                        sh cluster/static.sh head
#   on every other one:  sh cluster/static.sh worker HEAD:6379
#   where you are:       ssh -L 8265:localhost:8265 HEAD
#                        export RAY_AUTH_MODE=token
#                        deepcrop submit job.yaml --address http://localhost:8265
# Change: SPILL, a folder on a disk with room; further arguments go to `ray start` (--num-cpus 8).
# Credentials come from each machine's environment or profile; paths must mean the same on all.
# Whoever reaches the dashboard with the token may run code, so it listens on the head alone.
set -eu
export RAY_AUTH_MODE="${RAY_AUTH_MODE:-token}"
SPILL=${SPILL:-/tmp/deepcrop-spill}
role=${1:-}
[ $# -eq 0 ] || shift
case $role in
head) set -- --head --port=6379 --dashboard-host=127.0.0.1 "$@" ;;
worker)
  address=${1:?"worker: which head? HEAD:6379"}
  shift
  set -- --address="$address" "$@"
  ;;
*)
  echo "usage: sh cluster/static.sh head | worker HEAD:6379 [arguments of ray start]" >&2
  exit 2
  ;;
esac
mkdir -p "$SPILL"
exec ray start --block --disable-usage-stats --object-spilling-directory="$SPILL" "$@"
