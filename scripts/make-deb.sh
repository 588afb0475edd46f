#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make-deb.sh - build the Debian packages from the tree as it stands; they land in build-deb/.
# dpkg-buildpackage writes beside its source directory, so that one is a copy inside build-deb/.
set -eu
cd "$(dirname "$0")/.."
scripts/deps.sh build deb

version=$(sed -n "1s/.*(\([^)-]*\).*/\1/p" debian/changelog)
tree=build-deb/contexe-$version
rm -rf build-deb
mkdir -p "$tree"
tar -c --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=__pycache__ . | tar -x -C "$tree"
cd "$tree"
DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-nocheck parallel=$(nproc)}" dpkg-buildpackage -us -uc -b </dev/null
cd ../..
ls -l build-deb/*.deb
