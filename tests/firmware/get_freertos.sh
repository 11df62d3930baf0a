#!/bin/sh
# FreeRTOS's kernel for tests, from Debian: get_freertos.sh FOLDER
#
# The source package micropython of Debian 13 holds version 9.0.0, with the port of the Cortex-M3.
# Lists and archives of apt lie in a folder of their own, so that the machine's are left as they
# are, and the mirror is the one that the machine uses.
set -eu
folder=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
keys=/usr/share/keyrings/debian-archive-keyring.gpg
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
site=$(apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' |
    sed -n "s/^$release //p" | head -n 1)
[ -n "$site" ] && [ -e "$keys" ] || { echo "no mirror of Debian is known here" >&2; exit 1; }
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$scratch/parts"
echo "deb-src [signed-by=$keys] $site trixie main" >"$scratch/sources.list"
apt() {
    apt-get -qq -o Dir::Etc::SourceList="$scratch/sources.list" \
        -o Dir::Etc::SourceParts="$scratch/parts" -o Dir::State::Lists="$scratch/lists" \
        -o Dir::Cache="$scratch" -o APT::Sandbox::User=root "$@"
}
cd "$scratch"
apt update
apt source --download-only micropython
mkdir kernel
tar -xf micropython_*.orig.tar.xz -C kernel --strip-components=5 --wildcards \
    '*/ports/cc3200/FreeRTOS/Source/*'
[ -e kernel/tasks.c ] && [ -e kernel/portable/GCC/ARM_CM3/port.c ] ||
    { echo "the package has no FreeRTOS" >&2; exit 1; }
cd "$OLDPWD"
mkdir -p "$(dirname "$folder")"
rm -rf "$folder"
mv "$scratch/kernel" "$folder"
