#!/bin/sh
# Install PostgreSQL for the live tests when it is missing and this user may; otherwise say so. Never fails: the live
# suite says what it skipped and why. No default cluster is made or started.
set -u
find_initdb() { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1; }
[ -n "$(find_initdb)" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "PostgreSQL is not installed, and only root on Debian can install it here: its live tests will be skipped"
    exit 0
fi
echo "installing PostgreSQL for the live tests"
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql >/dev/null ||
    echo "PostgreSQL could not be installed: its live tests will be skipped"
