#!/bin/sh
# Installs the Debian packages that a step needs where that is possible (Debian as root); otherwise names what is missing.
# usage: system-packages.sh python | tests
set -eu
case "${1:-tests}" in
  python) wanted="python3:python3-venv" ;;
  tests) wanted="storescu:dcmtk Orthanc:orthanc libOrthancDicomWeb.so:orthanc-dicomweb dciodvfy:dicom3tools initdb:postgresql openssl:openssl docker-compose:docker-compose chromium:chromium npm:npm strace:strace sqlite3:sqlite3 promtool:prometheus" ;;
  *) echo "usage: $0 python|tests" >&2; exit 2 ;;
esac
installed() {
  for found in "$(command -v "$1" || true)" /usr/sbin/"$1" /usr/lib/postgresql/*/bin/"$1" /usr/share/orthanc/plugins/"$1"; do
    [ -z "$found" ] || [ ! -e "$found" ] || return 0
  done
  return 1
}
missing=""
for pair in $wanted; do
  command="${pair%%:*}" package="${pair##*:}"
  if [ "$package" = python3-venv ] || ! installed "$command"; then
    missing="$missing $package"
  fi
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing system packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # A broken mirror must not stop the suite: tests that lack a program say so by name.
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null || echo "could not install:$missing" >&2
else
  echo "missing system packages:$missing (tests that need them are skipped and say so; on Debian: sudo apt-get install$missing)" >&2
fi
[ "$1" != python ] || "${PYTHON:-python3}" -c 'import ensurepip, venv'
