#!/bin/sh
# fetch_source.sh PACKAGE/SUITE FILE SHA256 OUTPUT
# Downloads one file of a Debian source package by apt's own client, through the mirror that this machine is set up
# for. The lists of source packages are kept apart from the system's, so no root is needed and nothing is left behind.
set -eu
package=$1 file=$2 sha256=$3 output=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/sources"

# Both notations of a source list; only Debian's own entries are of use.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$list" ] && sed -n 's/^deb /deb-src /p' "$list" >>"$work/sources/debian.list"
done
for list in /etc/apt/sources.list.d/*.sources; do
  [ -f "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources/$(basename "$list")"
done

set -- -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
  -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=
apt-get "$@" update >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
uri=$(apt-get "$@" source --print-uris "$package" 2>"$work/log" | sed -n "s/^'\([^']*\)' $file .*/\1/p")
if [ -z "$uri" ]; then
  cat "$work/log" >&2
  echo "no $file in the source package $package" >&2
  exit 1
fi
/usr/lib/apt/apt-helper download-file "$uri" "$output" "SHA256:$sha256" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
