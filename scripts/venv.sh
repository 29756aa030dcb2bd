#!/bin/sh
# Makes a virtual environment with labioc in it, or brings it up to date.
#
# usage: venv.sh FOLDER PYTHON EXTRAS
#   FOLDER  of the environment; one made with another Python than asked for is made anew
#   PYTHON  to make it with; "" takes the newest found of those that labioc was run on, or else a newer one
#   EXTRAS  of setup.cfg to install beside the project, as in "test,lint"; may be ""
set -eu

venv=$1 wanted=$2 extras=$3
run_on="3.15 3.14 3.13 3.12 3.11"
supported="labioc needs Python 3.11 or newer"

fail() {
    echo "$*" >&2
    exit 1
}

# A name on the path need not be a Python that runs: ask it. 0 = ok, 1 = too old, 127 = does not run.
is_supported() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

version_of() {
    "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null
}

choose() {
    if [ -n "$wanted" ]; then
        version=$(version_of "$wanted") || fail "PYTHON=$wanted does not run: $supported," \
            "for example PYTHON=python3.13"
        is_supported "$wanted" || fail "PYTHON=$wanted is Python $version: $supported," \
            "for example PYTHON=python3.13"
        echo "$wanted"
        return
    fi
    for minor in $run_on; do
        for name in "python$minor" python3 python; do
            case $(version_of "$name") in "$minor".*)
                echo "$name"
                return
                ;;
            esac
        done
    done
    too_old=
    for name in python3 python; do
        version=$(version_of "$name") || continue
        if is_supported "$name"; then
            echo "$name"
            return
        fi
        too_old="$too_old$name is Python $version; "
    done
    fail "found no Python 3.11 or newer, which labioc needs (${too_old}install one, for example" \
        "with apt-get install python3 python3-venv, or name it with PYTHON=)"
}

is_current() {
    [ -x "$venv/bin/python" ] && is_supported "$venv/bin/python" &&
        "$venv/bin/python" -c 'import pip' 2>/dev/null || return 1
    [ -z "$wanted" ] || [ "$(version_of "$wanted")" = "$(version_of "$venv/bin/python")" ]
}

require_modules() {
    minor=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    for module in venv ensurepip; do
        "$1" -c "import $module" 2>/dev/null || fail "$1 has no module $module, which makes" \
            "virtual environments: apt-get install python3-venv (or python$minor-venv)"
    done
}

python=
if [ -n "$wanted" ] || ! is_current; then
    python=$(choose)
fi
if is_current; then
    python=
else
    require_modules "$python"
fi

echo "setting up $venv${extras:+ with the extras $extras} ..."
[ -z "$python" ] || "$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable ".${extras:+[$extras]}"
