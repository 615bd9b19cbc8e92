#!/bin/sh
# Install Knot DNS and its tools, and xmllint for the schemas of information files, when they are missing and this user
# may; otherwise say so. Never fails: the tests say what they skipped and why. The service that the package brings is
# never left running.
set -u
missing=""
for program in knotd kdig keymgr kzonecheck dnsperf xmllint; do
    command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing:$missing; only root on Debian can install it here: the tests that need it will be skipped"
    exit 0
fi
echo "installing for the tests of names:$missing"
export DEBIAN_FRONTEND=noninteractive
# A mask outlives the installation: the package must not start a name server on port 53.
masked=""
fresh=""
command -v knotd >/dev/null || [ -x /usr/sbin/knotd ] || fresh=yes
if [ ! -e /etc/systemd/system/knot.service ] && mkdir -p /etc/systemd/system && ln -s /dev/null /etc/systemd/system/knot.service; then
    masked=yes
fi
apt-get update -qq && apt-get install -qq -y --no-install-recommends knot knot-dnsutils knot-dnssecutils dnsperf libxml2-utils >/dev/null ||
    echo "not all of it could be installed: the tests that need it will be skipped"
[ -n "$masked" ] && rm -f /etc/systemd/system/knot.service
if [ -n "$fresh" ] && command -v systemctl >/dev/null; then
    systemctl disable --now knot >/dev/null 2>&1
fi
exit 0
