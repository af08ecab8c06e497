#!/bin/sh
# Make a virtual environment with PYTHON (3.11 or later) in DIRECTORY; say what is missing.
set -eu
python=$1
directory=$2
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Vestibule needs Python 3.11 or later; '$python' is not. Try: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -m venv "$directory" 2>/dev/null; then
    rm -rf "$directory"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv with apt-get..."
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
    fi
    "$python" -m venv "$directory" || {
        echo "'$python -m venv' does not work here; on Debian: apt-get install python3-venv" >&2
        exit 1
    }
fi
