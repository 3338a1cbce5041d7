#!/usr/bin/env bash
# Installs what is missing, and says so: Debian packages, then the simulators' Python in .venv.
# A second run finds everything in place and does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

minimum_swift=6.3
minimum_python=3.11

# True when version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_swift() {
  local advice="install Swift $minimum_swift or newer from https://www.swift.org/install and put it on the PATH"
  command -v swift >/dev/null 2>&1 || fail "no swift on the PATH; $advice"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$version" ] || fail "swift --version does not say a version; $advice"
  at_least "$version" "$minimum_swift" || fail "found Swift $version; $advice"
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

install_packages() {
  local package missing=()
  if ! command -v dpkg-query >/dev/null 2>&1; then
    say "this is no Debian; make sure that the libraries of scripts/apt-packages.txt are there"
    return
  fi
  while read -r package; do
    is_installed "$package" || missing+=("$package")
  done < <(grep -v -e '^#' -e '^[[:space:]]*$' scripts/apt-packages.txt)
  [ "${#missing[@]}" -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "not root and no sudo; install by hand: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Changes whenever the virtual environment would have to be made anew.
fingerprint() {
  "$python" --version
  cat Envs/requirements.txt Envs/pyproject.toml Envs/client/pyproject.toml Envs/tabletop/pyproject.toml 2>/dev/null || true
}

make_environment() {
  python=${PYTHON:-python3}
  command -v "$python" >/dev/null 2>&1 || fail "no $python on the PATH; name one: make setup PYTHON=…"
  local version wanted
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  at_least "$version" "$minimum_python" || fail "$python is $version; the simulators need Python $minimum_python or newer"
  wanted=$(fingerprint)
  if [ -x .venv/bin/python ] && [ -f .venv/.uio2-setup ] && [ "$(cat .venv/.uio2-setup)" = "$wanted" ]; then
    return
  fi
  say "making .venv with $("$python" --version) and the packages of Envs/requirements.txt (MuJoCo, Meta-World, …)"
  # Of a set-up that was cut short, or of other requirements: begin anew rather than guess what is in it.
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install --disable-pip-version-check --quiet --requirement Envs/requirements.txt
  # Last, so that a set-up that fails half-way is not taken for one that is done.
  printf '%s\n' "$wanted" >.venv/.uio2-setup
}

check_swift
install_packages
make_environment
say "ready"
