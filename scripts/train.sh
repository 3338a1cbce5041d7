#!/usr/bin/env bash
# A training run of days in the background, at the lowest priority: resume, pause, continue, stop, status.
#   UIO2_TRAIN_DATA      samples, runs and a copy of the code they run with   (../train-data beside the tree)
#   UIO2_TRAIN_VENV      the Python environment                               (../train-venv)
#   UIO2_TRAIN_STATE     the portable state, to be kept where it survives     ($UIO2_TRAIN_DATA/state/RECIPE.safetensors)
#   UIO2_TRAIN_NICENESS  of its session among others, 0 (an equal part) to 19 (what is left over)  (10)
set -euo pipefail
cd "$(dirname "$0")/.."

command=${1:-status}
recipe=${2:-metaworld-mt10}
data=${UIO2_TRAIN_DATA:-../train-data}
venv=${UIO2_TRAIN_VENV:-../train-venv}
mkdir -p "$data/$recipe" "$data/state"
data=$(realpath "$data")
venv=$(realpath -m "$venv")
state=${UIO2_TRAIN_STATE:-$data/state/$recipe.safetensors}
pid_file=$data/$recipe/supervisor.pid

say() { printf 'train: %s\n' "$*"; }
fail() {
  printf 'train: %s\n' "$*" >&2
  exit 1
}

# The supervisor leads a process group of its own; its number is the group's.
group() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || return 1
  [ -d "/proc/$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q supervise.py || return 1
  printf '%s\n' "$pid"
}

install_opengl() {
  command -v dpkg-query >/dev/null 2>&1 || return 0
  local package missing=()
  while read -r package; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done < <(grep -E '^(python3|lib(egl|gl|opengl|osmesa))' scripts/apt-packages.txt)
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] || fail "install these first: apt-get install ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

install_python() {
  local requirements=Policies/training/requirements.txt
  cmp -s "$requirements" "$venv/.uio2-train" && return
  if ! "$venv/bin/python" -c 'import torch, metaworld, safetensors, sentencepiece, pytest' 2>/dev/null; then
    say "installing the packages of $requirements in $venv"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --requirement "$requirements"
  fi
  cp "$requirements" "$venv/.uio2-train"
}

resume() {
  local pid
  if pid=$(group); then
    kill -CONT -- "-$pid"
    say "already running (process group $pid)"
    return
  fi
  install_opengl
  install_python
  # The tree may change or go away while the run goes on, so it runs from a copy.
  rm -rf "$data/code"
  mkdir -p "$data/code/Policies"
  # With the shipped policies, which a recipe may begin from.
  cp -r Policies/* "$data/code/Policies/"
  cp -r Envs "$data/code/"
  setsid nohup nice -n 19 "$venv/bin/python" -W ignore "$data/code/Policies/training/supervise.py" \
    --recipe "$recipe" --root "$data" --state "$state" --niceness "${UIO2_TRAIN_NICENESS:-10}" >>"$data/$recipe/log" 2>&1 </dev/null &
  say "started: samples and run in $data/$recipe, state in $state; follow with: tail -f $data/$recipe/log"
}

status() {
  local pid
  if pid=$(group); then
    say "process group $pid: $(ps -o stat= -p "$pid" | grep -q T && echo paused || echo running)"
  else
    say "not running"
  fi
  tail -n 5 "$data/$recipe/log" 2>/dev/null || true
  [ -z "${pid:-}" ] || sed 's/^/train: session /' "/proc/$pid/autogroup" 2>/dev/null || true
  [ ! -f "$data/$recipe/run/curve.jsonl" ] || tail -n 1 "$data/$recipe/run/curve.jsonl" | cut -c1-400
}

stop() {
  local pid
  pid=$(group) || fail "not running"
  # An equal part of the processor for its last step and for saving.
  echo 0 2>/dev/null >"/proc/$pid/autogroup" || true
  signal TERM
  signal CONT || true
  say "stopping after the present step"
  for _ in {1..120}; do
    group >/dev/null || { say "stopped; the state is saved"; return; }
    sleep 1
  done
  fail "still running after two minutes"
}

signal() { kill "-$1" -- "-$(group || fail "not running")"; }

case $command in
  resume) resume ;;
  pause) signal STOP && say "paused" ;;
  continue) signal CONT && say "goes on" ;;
  stop) stop ;;
  status) status ;;
  *) fail "unknown command $command: resume, pause, continue, stop or status" ;;
esac
