#!/usr/bin/env python3
"""Writes the digit fixtures: data sets for calibration and test, and two sample images per digit.

Usage: /usr/bin/python3 scripts/make-digits.py        (needs python3-numpy)
"""

import struct
import zlib
from pathlib import Path

import numpy as np

import digit_images

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
CALIBRATION_SEED, TEST_SEED, SAMPLES_SEED = 101, 202, 303


def write_png(path, image):
    """An 8-bit grayscale PNG (filter 0 on every row)."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main():
    for name, count, seed in (("calibration", 1200, CALIBRATION_SEED), ("test", 500, TEST_SEED)):
        images, labels, _ = digit_images.make(count, seed)
        np.save(FIXTURES / f"digits-{name}.npy", images)
        np.save(FIXTURES / f"digits-{name}-labels.npy", labels)

    (FIXTURES / "samples").mkdir(exist_ok=True)
    rng = np.random.default_rng(SAMPLES_SEED)
    for digit in range(10):
        for k in range(2):
            image, _ = digit_images.draw(digit, rng)
            write_png(FIXTURES / "samples" / f"{digit}-{k}.png", image)


if __name__ == "__main__":
    main()
