"""Protobuf by hand, so that tests can also write what no generated code would."""


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """An integer as a varint, bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(fields):
    """{number: integer or bytes}; None is left out."""
    return b"".join(field(number, value) for number, value in fields.items() if value is not None)
