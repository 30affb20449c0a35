#!/bin/sh
# Fetches the published build of the OHIF viewer, in which tests/acceptance/test_viewer.py looks at reports, into
# .cache/ohif-VERSION. Needs npm and the registry that npm is configured for; nothing is built, no script of the package is run.
# Without them the suite goes on, and the tests that need the viewer are skipped and say so.
set -eu
cd "$(dirname "$0")/.."
version=3.13.2
sha512=5997719a9986eeba85816f5924b71b82bdd70ad2e2d4a0cd3e831a798e4f3deea3e06e1f8c48e393271933a0ba664d85f3b04ac457e9abe8dde715d907d13c10
target=".cache/ohif-$version"
[ ! -f "$target/index.html" ] || exit 0
missing() {
  echo "no OHIF viewer: $1; the tests of tests/acceptance/test_viewer.py are skipped. Then: ./tools/viewer.sh" >&2
  exit 0
}
command -v npm >/dev/null 2>&1 || missing "npm is missing (on Debian: sudo apt-get install npm)"
mkdir -p .cache
fresh="$(mktemp -d .cache/fetching.XXXXXX)"
trap 'rm -rf "$fresh"' EXIT
echo "fetching @ohif/app $version"
npm pack "@ohif/app@$version" --ignore-scripts --pack-destination "$fresh" >/dev/null 2>"$fresh/log" ||
  missing "npm could not fetch @ohif/app@$version ($(grep -m1 -i 'error' "$fresh/log" || echo 'no reason given'))"
package="$(ls "$fresh"/*.tgz)"
echo "$sha512  $package" | sha512sum --check --status ||
  missing "the fetched @ohif/app@$version is not the published one (another SHA-512) and is not used"
# Source maps and the segmentation networks of ./ort are four fifths of the package, and no test loads them.
tar -xzf "$package" -C "$fresh" --exclude='*.map' --exclude='package/dist/ort' package/dist
rm -rf "$target"
mv "$fresh/package/dist" "$target"
