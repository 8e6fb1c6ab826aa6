"""Whether a file lies on another machine's disk, where SQLite cannot rely on locks and shared memory."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
# `fuse.` stands for sshfs, rclone, s3fs and their like; a disk of another system is `fuseblk`.
TYPES = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs"),
    *("nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"),
}


def file_system(path: Path) -> str | None:
    """The type of the network file system that the file lies on (`nfs4`, `fuse.sshfs`, …), or None."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None  # only Linux tells
    place = os.path.realpath(path)
    longest, kind = -1, ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        columns = fields.split()
        if len(columns) < 5 or not rest:
            continue
        mount = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), columns[4])
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= longest:  # of two at one place the later one is seen
            longest, kind = len(mount), rest.split()[0]
    return kind if kind in TYPES or kind.startswith("fuse.") else None
