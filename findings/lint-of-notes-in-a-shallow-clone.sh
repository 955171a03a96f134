#!/usr/bin/env bash
# reno 4.1.0 with dulwich 1.2.21, on Python 3.11 to 3.13.
#
# Input:    A repository of two commits, the first of which has a well-formed release note, cloned with
#           `git clone --depth 1`, as CI systems clone by default.
# Expected: `reno lint`, which looks whether the files of notes are well-formed, says nothing.
# Happens:  KeyError with the number of a commit, and a stack trace. So do `reno report` and the directive
#           for Sphinx, and a warning about unclosed packs follows, since the reader is never closed.
# Why:      the linter loads all notes through the history, and the history is walked from parent to
#           parent without a look at .git/shallow, where it says that it ends.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check reno==4.1.0 dulwich==1.2.21
mkdir -p "$folder/full/releasenotes/notes"
cd "$folder/full"
git init --quiet
printf 'fixes:\n  - |\n    Something is right now.\n' > releasenotes/notes/first-0123456789abcdef.yaml
git add .
for number in 1 2; do
    git -c user.name=A -c user.email=a@example.com commit --quiet --allow-empty -m "$number"
done
"$folder/venv/bin/reno" --quiet lint && echo 'All of it: fine'
git clone --quiet --depth 1 "file://$folder/full" "$folder/shallow"
cd "$folder/shallow"
if "$folder/venv/bin/reno" --quiet lint 2> "$folder/said"; then
    echo 'This has changed.' >&2
    exit 1
fi
grep '^KeyError' "$folder/said"
