"""Ed25519 signatures verified as RFC 8032, section 5.1, has it, in Python alone: part of the program that comes with an export.

It is no place for a secret: it takes its time by what it is given. Points are in extended coordinates (X, Y, Z, T).
"""

import hashlib

Point = tuple[int, int, int, int]
FIELD_PRIME = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, FIELD_PRIME - 2, FIELD_PRIME) % FIELD_PRIME
SQRT_MINUS_ONE = pow(2, (FIELD_PRIME - 1) // 4, FIELD_PRIME)


def add_points(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * CURVE_D, 2 * a[2] * b[2]
    e, f, g, h = (f - e) % FIELD_PRIME, (h - g) % FIELD_PRIME, (h + g) % FIELD_PRIME, (f + e) % FIELD_PRIME
    return e * f % FIELD_PRIME, g * h % FIELD_PRIME, f * g % FIELD_PRIME, e * h % FIELD_PRIME


def multiply_point(number: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add_points(total, point)
        point = add_points(point, point)
        number >>= 1
    return total


def decode_point(content: bytes) -> Point | None:
    """None when the 32 bytes are no point of the curve."""
    number = int.from_bytes(content, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= FIELD_PRIME:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, FIELD_PRIME - 2, FIELD_PRIME) % FIELD_PRIME
    x = pow(square, (FIELD_PRIME + 3) // 8, FIELD_PRIME)
    if (x * x - square) % FIELD_PRIME:
        x = x * SQRT_MINUS_ONE % FIELD_PRIME
    if (x * x - square) % FIELD_PRIME or (x == 0 and sign):
        return None
    x = FIELD_PRIME - x if x & 1 != sign else x
    return x, y, 1, x * y % FIELD_PRIME


def is_signed_by(key: bytes, message: bytes, signature: bytes) -> bool:
    if len(key) != 32 or len(signature) != 64:
        return False
    base = decode_point((4 * pow(5, FIELD_PRIME - 2, FIELD_PRIME) % FIELD_PRIME).to_bytes(32, "little"))
    public, commitment = decode_point(key), decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if base is None or public is None or commitment is None or scalar >= GROUP_ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % GROUP_ORDER
    a, b = multiply_point(scalar, base), add_points(commitment, multiply_point(challenge, public))
    return (a[0] * b[2] - b[0] * a[2]) % FIELD_PRIME == 0 and (a[1] * b[2] - b[1] * a[2]) % FIELD_PRIME == 0
