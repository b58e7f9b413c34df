# Starts simulated orgs, and ends them when the script ends. To be sourced, with `$work` a folder to write in.
#
#   ORGKEEP  the binary (default: target/release/orgkeep)
# shellcheck shell=bash

orgkeep=$(realpath "${ORGKEEP:-target/release/orgkeep}")
orgs=()
trap 'for org in "${orgs[@]}"; do kill "$org" 2>/dev/null; wait "$org" 2>/dev/null; done; rm -rf "$work"' EXIT

# serve NAME OPTION…: starts an org whose ready line is in $work/NAME.json
serve() {
    local ready=$work/$1.json log=$work/$1.log
    shift
    "$orgkeep" simorg serve "$@" >"$ready" 2>"$log" &
    orgs+=($!)
    for _ in $(seq 1200); do
        [ ! -s "$ready" ] || return 0
        kill -0 "${orgs[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "the simulated org did not start"
    cat "$log"
    exit 1
}

# of NAME KEY: what the ready line says, such as `of org users.0.token`
of() { python3 -c 'import json,sys; v=json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."): v=v[int(k)] if k.isdigit() else v[k]
print(v)' "$work/$1.json" "$2"; }
