"""What a camera wrote of a photo: when, where and how it was taken; nothing that shows or names anybody."""

from __future__ import annotations

from PIL import Image

from facekit.errors import PictureError
from facekit.pictures import images

_EXIF, _GPS = 0x8769, 0x8825
# Camera, program, time. Who took a photo and whose it is (Artist, Copyright) are names like others.
_MAIN = (0x010F, 0x0110, 0x0131, 0x0132)
# Exposure, times, lens. The maker's notes may hold names, and a picture; a lens's number tells whose it is.
_IN_EXIF = (
    *(0x829A, 0x829D, 0x8822, 0x8827, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012),
    *range(0x9201, 0x920B),
    *range(0x9290, 0x9293),
    *range(0xA401, 0xA40D),
    *range(0xA432, 0xA435),
)
_IN_GPS = (*range(8), 0x10, 0x11, 0x1D, 0x1F)


def camera_exif(data: bytes, source: str) -> bytes:
    """An EXIF block with that of a photo's; empty without any. Of thumbnails, names, captions and maker's
    notes nothing is in it, and the picture lies upright."""
    block = Image.Exif()
    try:
        with images.opened(data, source) as image:
            whole = image.getexif()
            for tag in _MAIN:
                if tag in whole:
                    block[tag] = whole[tag]
            for place, tags in ((_EXIF, _IN_EXIF), (_GPS, _IN_GPS)):
                inner = {tag: value for tag, value in whole.get_ifd(place).items() if tag in tags}
                if inner:
                    block.get_ifd(place).update(inner)
            return block.tobytes() if len(block) or block._ifds else b""
    except PictureError:  # a RAW picture, or a damaged block
        return b""
