# shellcheck shell=bash
# What the scripts of this folder share. Sourced, never run: it leaves the shell in the repository's top folder.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# say WORDS: one line for the person at the terminal. Standard output belongs to results.
say() { printf '%s\n' "$*" >&2; }

# die WORDS: the same, then the end.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# install_packages NAME…: the Debian packages that are missing among these, as root or through sudo.
install_packages() {
  local missing=() name sudo=() log
  command -v dpkg-query >/dev/null || die "needs a Debian system (version 12); install by hand: $*"
  while read -r name; do
    missing+=("$name")
  done < <(comm -23 <(printf '%s\n' "$@" | sort) \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort))
  [ ${#missing[@]} -gt 0 ] || return 0

  say "installing: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "needs root or sudo to install these; as root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1; then
    cat "$log" >&2
    die "apt-get failed; all that it said is in $log"
  fi
  rm "$log"
}

# bazel_bin CONFIG…: the folder where Bazel puts what it builds with these options.
bazel_bin() { bazel info "$@" bazel-bin 2>/dev/null; }
