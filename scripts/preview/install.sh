#!/bin/sh
# Installs what makes pictures of the screens, if it is not there: Chromium, the fonts of Phoebus's
# screens, and a tool that makes the pictures small.
set -eu

packages=
command -v chromium >/dev/null || packages="$packages chromium"
command -v pngquant >/dev/null || packages="$packages pngquant"
fc-list 2>/dev/null | grep -q LiberationSans || packages="$packages fontconfig fonts-liberation"

[ -n "$packages" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "pictures need these packages; as root: apt-get install$packages" >&2
    exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # one word per package
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
