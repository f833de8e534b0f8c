"""Draws digits of our own: strokes with random control points, affine jitter, thickness and noise.

Nothing here comes from a data set. The images look like MNIST (28 x 28 bytes, white on black, the digit inside a box
of about 20 x 20), so that stock MNIST architectures fit them. The same seed gives the same bytes.
"""

import numpy as np

SIZE = 28

# Strokes in a unit box, x to the right and y down. A stroke is (kind, points): "line" joins its points straight,
# "curve" is a Catmull-Rom spline through them. Each digit has one or more ways to be written.
GLYPHS = {
    0: [
        [("curve", [(0.5, 0.0), (0.15, 0.2), (0.08, 0.55), (0.25, 0.93), (0.55, 1.0), (0.85, 0.75), (0.9, 0.35), (0.7, 0.05), (0.5, 0.0)])],
        [("curve", [(0.55, 0.02), (0.25, 0.15), (0.2, 0.6), (0.4, 0.98), (0.7, 0.85), (0.8, 0.4), (0.55, 0.02)])],
    ],
    1: [
        [("line", [(0.5, 0.0), (0.5, 1.0)])],
        [("line", [(0.3, 0.22), (0.55, 0.0), (0.55, 1.0)])],
        [("line", [(0.3, 0.2), (0.5, 0.0), (0.5, 1.0)]), ("line", [(0.25, 1.0), (0.75, 1.0)])],
    ],
    2: [
        [("curve", [(0.12, 0.25), (0.3, 0.03), (0.65, 0.02), (0.82, 0.27), (0.6, 0.6), (0.12, 1.0)]), ("line", [(0.12, 1.0), (0.9, 0.97)])],
        [("curve", [(0.15, 0.2), (0.45, 0.0), (0.78, 0.2), (0.6, 0.6), (0.3, 0.9), (0.12, 0.88), (0.3, 0.78), (0.6, 0.95), (0.9, 0.92)])],
    ],
    3: [
        [("curve", [(0.15, 0.12), (0.5, 0.0), (0.8, 0.2), (0.65, 0.43), (0.4, 0.48)]), ("curve", [(0.4, 0.48), (0.75, 0.58), (0.85, 0.8), (0.55, 1.0), (0.12, 0.9)])],
        [("line", [(0.15, 0.03), (0.78, 0.03), (0.42, 0.42)]), ("curve", [(0.42, 0.42), (0.8, 0.55), (0.8, 0.85), (0.45, 1.0), (0.12, 0.88)])],
    ],
    4: [
        [("line", [(0.6, 0.0), (0.08, 0.65), (0.92, 0.65)]), ("line", [(0.65, 0.3), (0.65, 1.0)])],
        [("line", [(0.2, 0.05), (0.15, 0.52), (0.8, 0.5)]), ("line", [(0.8, 0.05), (0.72, 1.0)])],
    ],
    5: [
        [("line", [(0.85, 0.02), (0.25, 0.04), (0.2, 0.45)]), ("curve", [(0.2, 0.45), (0.55, 0.38), (0.85, 0.62), (0.7, 0.93), (0.4, 1.0), (0.1, 0.88)])],
    ],
    6: [
        [("curve", [(0.7, 0.0), (0.3, 0.3), (0.12, 0.7), (0.35, 1.0), (0.75, 0.92), (0.8, 0.65), (0.5, 0.5), (0.17, 0.7)])],
    ],
    7: [
        [("line", [(0.1, 0.04), (0.88, 0.04), (0.4, 1.0)])],
        [("line", [(0.1, 0.1), (0.88, 0.04), (0.42, 1.0)]), ("line", [(0.3, 0.52), (0.8, 0.5)])],
    ],
    8: [
        [("curve", [(0.5, 0.47), (0.2, 0.25), (0.45, 0.0), (0.78, 0.2), (0.5, 0.47), (0.15, 0.75), (0.45, 1.0), (0.85, 0.78), (0.5, 0.47)])],
        [("curve", [(0.78, 0.12), (0.45, 0.0), (0.22, 0.2), (0.5, 0.46), (0.8, 0.75), (0.5, 1.0), (0.18, 0.78), (0.5, 0.46), (0.78, 0.12)])],
    ],
    9: [
        [("curve", [(0.8, 0.25), (0.5, 0.0), (0.18, 0.22), (0.4, 0.5), (0.75, 0.42), (0.82, 0.2)]), ("curve", [(0.82, 0.2), (0.8, 0.6), (0.65, 1.0)])],
        [("curve", [(0.8, 0.2), (0.5, 0.0), (0.2, 0.25), (0.45, 0.5), (0.8, 0.25), (0.78, 0.7), (0.5, 1.0), (0.2, 0.9)])],
    ],
}


def _spline(points, steps=8):
    """Points on the Catmull-Rom spline through `points`, ends included."""
    p = np.vstack([points[0], points, points[-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:]):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*parts, points[-1]])


def _segments(digit, rng):
    """Line segments [n, 2, 2] of one randomly written digit, in the unit box."""
    glyph = GLYPHS[digit][rng.integers(len(GLYPHS[digit]))]
    wobble = {}
    segments = []
    for kind, points in glyph:
        # Points shared by two strokes move together, so that strokes stay joined.
        moved = np.array([np.add(q, wobble.setdefault(q, rng.normal(0, 0.048, 2))) for q in points])
        line = _spline(moved) if kind == "curve" else moved
        segments.append(np.stack([line[:-1], line[1:]], axis=1))
    return np.concatenate(segments)


def draw(digit, rng):
    """(image, ink): uint8 [28, 28], and the stroke coverage in 0..1 before noise, float64 [28, 28]."""
    segments = _segments(digit, rng)
    angle, shear = rng.normal(0, 0.15), rng.normal(-0.12, 0.17)
    height = rng.uniform(16, 21)
    width = height * rng.uniform(0.5, 0.88)
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = rotate @ np.array([[1, shear], [0, 1]]) @ np.diag([width, height])
    segments = (segments - 0.5) @ affine.T
    middle = (segments.min(axis=(0, 1)) + segments.max(axis=(0, 1))) / 2
    segments = segments - middle + (SIZE - 1) / 2 + rng.normal(0, 1.0, 2)

    y, x = np.mgrid[0:SIZE, 0:SIZE]
    pixels = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    length2 = np.maximum((along**2).sum(-1), 1e-9)
    t = np.clip(((pixels - start) * along).sum(-1) / length2, 0, 1)
    distance = np.sqrt((((pixels - start) - t[..., None] * along) ** 2).sum(-1)).min(axis=1).reshape(SIZE, SIZE)
    ink = np.clip((rng.uniform(0.9, 1.7) - distance) / rng.uniform(0.9, 1.4) + 0.5, 0, 1)

    noisy = ink * rng.uniform(0.7, 1.0) + rng.normal(0, 0.07, ink.shape) * (ink > 0)
    noisy += (rng.random(ink.shape) < 0.006) * rng.uniform(0, 0.6, ink.shape)
    return np.round(255 * np.clip(noisy, 0, 1)).astype(np.uint8), ink


def make(count, seed):
    """(images uint8 [count, 1, 28, 28], labels int64 [count], ink float32 [count, 1, 28, 28]); classes in equal shares."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10).astype(np.int64)
    drawn = [draw(int(label), rng) for label in labels]
    images = np.stack([image for image, _ in drawn])[:, None]
    ink = np.stack([ink for _, ink in drawn])[:, None].astype(np.float32)
    return images, labels, ink
