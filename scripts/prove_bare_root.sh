#!/usr/bin/env bash
# Prove that facekit installs and works on a machine with Python and nothing else: a minimal Debian in a
# folder, without a compiler and without libGL, entered by chroot. Needs root and debootstrap.
#
#   scripts/prove_bare_root.sh /tmp/bare-root
#
# What is committed gets installed. Run again, it keeps the Debian and installs anew.
set -euo pipefail

root="$(realpath -m "${1:?usage: $0 FOLDER}")"
checkout="$(cd "$(dirname "$0")/.." && pwd)"
debian="${DEBIAN_SUITE:-bookworm}"
mirror="${DEBIAN_MIRROR:-http://deb.debian.org/debian}"

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 \
        PIP_ROOT_USER_ACTION=ignore chroot "$root" "$@"
}

say() {
    printf '\n== %s\n' "$*"
}

if [ ! -x "$root/usr/bin/python3" ]; then
    say "Debian $debian with python3 in $root"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$debian" "$root" "$mirror" \
        >"$root.log" 2>&1 || { tail "$root.log"; exit 1; }
fi
# How this machine reaches PyPI holds in there as well.
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$root/etc/pip.conf"; fi
rm -rf "$root/src" "$root/venv"
mkdir "$root/src"
git -C "$checkout" archive HEAD | tar -x -C "$root/src"

say "what is not there"
for tool in cc gcc g++ cmake make git; do
    if inside sh -c "command -v $tool" >/dev/null; then echo "$tool is there: not bare"; exit 1; fi
done
if inside sh -c 'ldconfig -p | grep -E "libGL\.|libglib-2"'; then echo "not bare"; exit 1; fi
echo "no compiler, no CMake, no git, no libGL, no GLib; $(inside python3 --version)"

say "pip install ."
inside python3 -m venv /venv
before="$(du -sm "$root/venv" | cut -f1)"
start="$(date +%s.%N)"
inside /venv/bin/pip install --quiet /src
end="$(date +%s.%N)"
after="$(du -sm "$root/venv" | cut -f1)"
printf '%.0f seconds, %d MB\n' "$(echo "$end $start" | awk '{print $1 - $2}')" "$((after - before))"
inside /venv/bin/pip list --format=freeze

# From here on nothing needs the network, and there is none.
offline() {
    unshare --net --mount sh -c 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot "$1" sh -c "cd /tmp && $2"' \
        - "$root" "$*"
}

say "import cv2 fails"
if offline "/venv/bin/python -c 'import cv2'" 2>"$root.cv2"; then
    echo "OpenCV works here: not bare"; exit 1
fi
tail -1 "$root.cv2"

say "facekit identify, without network"
offline /venv/bin/facekit identify /src/tests/data/astronaut.png
offline /venv/bin/facekit identify /src/tests/data/astronaut.png --format jsonl | inside /venv/bin/python -c '
import json, sys
(face,) = json.load(sys.stdin)["faces"]
assert len(face["candidates"]) == 5, face
print("one face, five candidates")'

say "facekit enroll, then identify"
inside sh -c 'mkdir -p /tmp/people/Eileen && cp /src/tests/data/astronaut.png /tmp/people/Eileen/'
inside rm -f /tmp/people/gallery.db
offline /venv/bin/facekit enroll /tmp/people --gallery /tmp/people
offline /venv/bin/facekit identify --gallery /tmp/people/gallery.db /src/tests/data/astronaut.png

say "a detector that needs OpenCV says what is missing"
touch "$root/tmp/yunet.onnx"
if offline /venv/bin/facekit detect --detector yunet=/tmp/yunet.onnx /src/tests/data/astronaut.png; then
    echo "it should have failed"; exit 1
fi
echo
echo "proved"
