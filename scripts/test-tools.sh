#!/bin/sh
# Bring in the Debian packages that the tests drive: a browser, foreign proxies, Node.js.
# Whatever cannot be installed is said loudly, and its tests are skipped with a reason.
set -eu
missing=""
need() { # need COMMAND PACKAGE...
    command=$1
    shift
    command -v "$command" >/dev/null 2>&1 || [ -x "/usr/sbin/$command" ] || missing="$missing $*"
}
need chromium chromium
need nginx nginx-light
need caddy caddy
need npm nodejs npm
for tool in "$@"; do need "$tool" "$tool"; done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing what the tests drive:$missing"
    # RUNLEVEL=1 keeps the packages from starting their services.
    if apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "======================================================================"
echo "NOT INSTALLED:$missing"
echo "Tests that need them are SKIPPED and say so. As root on Debian, run:"
echo "    apt-get install$missing"
echo "======================================================================"
