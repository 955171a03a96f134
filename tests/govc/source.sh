#!/usr/bin/env bash
# Get the source of govmomi into a directory: govc is part of it, but of none of Debian's packages.
#
# Debian's source package has it, in the version of the library that is installed. It is looked
# for where the library comes from, with lists of its own, so that the machine's configuration of
# apt stays as it is, and nobody has to be root.
set -euo pipefail
goal=$1
name=golang-github-vmware-govmomi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
apt-cache madison "$name-dev" |
    sed -nE '1 s#^[^|]*\|[^|]*\| (\S+) (\S+)/(\S+) \S+ Packages$#deb-src \1 \2 \3#p' > "$work/from"
[ -s "$work/from" ] || { echo "apt knows of no package $name-dev: apt-get update" >&2; exit 1; }
apt=(apt-get -qq -o Dir::Etc::sourcelist="$work/from" -o Dir::Etc::sourceparts=-
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=)
"${apt[@]}" update
cd "$work"
"${apt[@]}" source --download-only --only-source "$name"
mkdir unpacked
tar -xf "$name"_*.orig.tar.* -C unpacked --strip-components=1
cd - > /dev/null
mkdir -p "$(dirname "$goal")"
rm -rf "$goal"
mv "$work/unpacked" "$goal"
