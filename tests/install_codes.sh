#!/bin/sh
# Install pw.x and cp2k where they are missing: through apt, as root only. Everywhere else, say what to install.
# The tests that need a code which is not there are skipped.
set -eu

packages="quantum-espresso quantum-espresso-data cp2k cp2k-data libopenblas0"
if command -v pw.x >/dev/null && command -v cp2k >/dev/null; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "pw.x or cp2k is missing, their tests will be skipped; on Debian: apt-get install $packages" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get -qq update && apt-get -qq install -y --no-install-recommends $packages >/dev/null; }; then
    echo "apt could not install $packages: the tests that need them will be skipped" >&2
fi
