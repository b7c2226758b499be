"""Numbers that prove themselves: bank cards by Luhn's sum, resident identity cards by ISO 7064 MOD 11-2 and a birthday.

Sources: ISO/IEC 7812-1 annex B; GB 11643-1999.
"""

from __future__ import annotations

from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_PROVINCES = frozenset(
    (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83)
)
_ISSUERS = ("2", "30", "35", "36", "37", "38", "34", "4", "5", "6", "81", "9")
"""First digits of the cards of ISO/IEC 7812 that banks and payment networks issue."""


def is_luhn(digits: str) -> bool:
    """Whether Luhn's sum of a number is right."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_bank_card(digits: str) -> bool:
    """Whether a number is one that a bank card can have: 13 to 19 digits of an issuer, with the right sum."""
    return 13 <= len(digits) <= 19 and digits.startswith(_ISSUERS) and len(set(digits)) > 1 and is_luhn(digits)


def is_identity_card(number: str) -> bool:
    """Whether 18 characters are a resident identity number: region, birthday and check character hold."""
    if len(number) != 18 or not looks_like_identity_card(number):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False))
    return _CHECKS[total % 11] == number[-1].upper()


def looks_like_identity_card(number: str) -> bool:
    """Whether 18 characters, or 15 of before 1999, have a region and a birthday where such a number has them."""
    if not number[:17].isdecimal() or int(number[:2]) not in _PROVINCES:
        return False
    born = number[6:14] if len(number) == 18 else "19" + number[6:12]
    try:
        day = date(int(born[:4]), int(born[4:6]), int(born[6:8]))
    except ValueError:
        return False
    return date(1900, 1, 1) <= day <= date(2100, 1, 1)
