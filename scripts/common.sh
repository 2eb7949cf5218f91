# shellcheck shell=bash
# common.sh - what the scripts here share: saying what happens, installing packages, building.
# Sourced, never run. Progress goes to stderr; stdout is for results.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
python=/usr/bin/python3 # Debian's: another python3 in PATH may lack Debian's pytest
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

if [ -t 2 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

say() { printf '%s%s%s\n' "$bold" "$*" "$plain" >&2; }
detail() { printf '%s  %s%s\n' "$dim" "$*" "$plain" >&2; }
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

running_group=''
stop_running() { [ -z "$running_group" ] || kill -- "-$running_group" 2>/dev/null || true; }
trap 'stop_running; exit 130' INT
trap 'stop_running; exit 143' TERM

# run_logged NAME COMMAND...: runs it with its output in build/logs/NAME.log and says every 15
# seconds how far it is. Where it fails, the end of the log is shown.
run_logged() {
    local name=$1 log=$logs/$1.log started=$SECONDS shown=$SECONDS pid status=0
    shift
    mkdir -p "$logs"
    set -m # a process group of its own, to be ended as one
    "$@" </dev/null >"$log" 2>&1 &
    pid=$!
    set +m
    running_group=$pid
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if [ $((SECONDS - shown)) -ge 15 ]; then
            shown=$SECONDS
            detail "$name, $((SECONDS - started)) s: $(tail -n 1 "$log" | tr '\r' '\n' | tail -n 1 | cut -c 1-90)"
        fi
    done
    wait "$pid" || status=$?
    running_group=''
    if [ "$status" -ne 0 ]; then
        detail "$name failed with status $status; the end of ${log#"$root"/}:"
        tail -n "${LOG_LINES:-60}" "$log" >&2
    fi
    return "$status"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "packages are missing and neither root nor sudo is here to install them: $*"
    fi
}

debian_version() { (. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID:-0}") || printf 0; }

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

apt_install() {
    local guard=/usr/sbin/policy-rc.d made_guard=no status=0
    # Installing a server must not start it: 101 forbids that while we install.
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
        made_guard=yes
    fi
    as_root apt-get -qq update &&
        as_root apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 \
            -o DPkg::Lock::Timeout=300 install "$@" || status=$?
    [ "$made_guard" = no ] || as_root rm -f "$guard"
    return "$status"
}

# Packages by name; nothing happens, and quickly, when all of them are there.
install_packages() {
    local missing
    command -v dpkg-query >/dev/null || {
        detail "not a Debian: trusting that these or their like are here: $*"
        return 0
    }
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    run_logged install apt_install "${missing[@]}" || fail "these packages could not be installed: ${missing[*]}"
}

build_packages=(build-essential cmake ninja-build pkg-config libuv1-dev libssl-dev libjansson-dev
    libcurl4-openssl-dev libnghttp2-dev libyaml-dev libpcre2-dev)
# Debian 12 has no usable llhttp: cmake gets it by scripts/get-llhttp.
[ "$(debian_version | cut -d. -f1)" -lt 13 ] 2>/dev/null || build_packages+=(libllhttp-dev)

install_clang() {
    install_packages clang
    install_packages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

# build PRESET TARGET...: configures build/PRESET where that was not done, and builds.
build() {
    local preset=$1 arguments=()
    shift
    command -v ccache >/dev/null && arguments+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    (cd "$root" && run_logged "configure-$preset" cmake --preset "$preset" "${arguments[@]}") || return 1
    (cd "$root" && run_logged "build-$preset" cmake --build --preset "$preset" ${1:+--target "$@"})
}

# Old sanitizers cannot live with all the address randomisation of new kernels: without it, where
# we may ask for that.
if setarch -R true 2>/dev/null; then steady=(setarch -R); else steady=(env); fi
