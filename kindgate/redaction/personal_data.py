"""Personal data by format and by name: email addresses, phone, card and account numbers, network addresses, fields of a person.

A format is searched anywhere in a text, as it is and with percent escapes undone. Numbers are judged by their length alone
if they have no separators, because a customer's number looks like a phone number: a false alarm costs one value, a miss
publishes one.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote_plus

_LAYERS = 3
"""Nested percent escapes that are undone."""

_EMAIL = re.compile(r"[\w.!#$&'*+/=?^`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}")
_RESERVED = re.compile(r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|example|test|invalid|localhost)$", re.IGNORECASE)
"""Domains that no person can have an address in (RFC 2606)."""

_DIGIT_GROUPS = re.compile(r"(?<![\w.])\+?\(?\d[\d ().-]{6,30}\d(?!\w)")
_HARMLESS = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"  # a UUID
    r"|(?<![\d.])-?\d{1,20}\.\d{1,20}(?![\d.])"  # a decimal fraction
    r"|(?<!\d)(?:19|20)\d\d[-./]?(?:0\d|1[0-2])[-./]?(?:[0-2]\d|3[01])(?!\d)"  # a date
)
"""Texts with digits that no number of a person looks like."""

_SHORTEST_PHONE, _LONGEST_PHONE = 8, 15
_SHORTEST_CARD, _LONGEST_CARD = 13, 19
_SHORTEST_NATIONAL = 10
"""Minimum digits of a phone number without a country code: shorter ones look like any id."""

_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])", re.IGNORECASE | re.ASCII)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_IPV6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![\w:])")

_PERSONAL_NAME = re.compile(
    r"(?:^|_)(?:e?_?mail|(?:first|last|given|family|full|user|display|nick|maiden|middle|real|login|customer|account|holder|contact|sur|screen)_?name"
    r"|user|login|username|surname|phone|tel|telephone|mobile|cell|fax|msisdn|address|addr|street|city|zip|zip_?code|post_?code|postal_?code|birth|birth_?day"
    r"|birth_?date|date_?of_?birth|dob|age|gender|ssn|social_?security(?:_?number)?|tax_?id|passport|licen[cs]e_?plate|nationality|iban|bic|card"
    r"|card_?number|credit_?card|pan|cvv|cvc|account_?number|ip|ip_?address|lat|latitude|lon|lng|longitude|geo|location|avatar|photo)(?:es|s)?(?:_?\d{1,2})?$"
)

_SESSION_NAME = re.compile(
    r"(?:^|_)(?:session|sess|sid|session_?id|sessid|phpsessid|jsessionid|csrf|xsrf|auth|authorization|jwt|bearer|otp|totp|pin|nonce|sig|signature"
    r"|hmac|cookie|ticket|assertion|saml_?response|saml_?request|relay_?state|verifier|captcha)$"
)


def personal_format(text: str) -> str:
    """Name the kind of personal data that a text contains, such as `an email address`; empty if there is none."""
    for _ in range(_LAYERS):
        found = _personal_format(text)
        if found:
            return found
        decoded = unquote_plus(text)
        if decoded == text:
            return ""
        text = decoded
    return _personal_format(text)


def is_personal_name(name: str) -> bool:
    """Return whether a field with this name holds data of a person: `email`, `firstName`, `billing_address`."""
    return _PERSONAL_NAME.search(_words(name)) is not None


def is_session_name(name: str) -> bool:
    """Return whether a field with this name holds a session, a signature or a one-time value: `sid`, `csrfToken`, `state`."""
    return _SESSION_NAME.search(_words(name)) is not None


def _words(name: str) -> str:
    """The name in lowercase with words joined by underscores: `billingAddress` is `billing_address`."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", separated.lower()).strip("_")


def _personal_format(text: str) -> str:
    if any(not _RESERVED.search(match[0]) for match in _EMAIL.finditer(text)):
        return "an email address"
    if any(_is_iban(match[0]) for match in _IBAN.finditer(text)):
        return "an account number"
    if any(_is_address(match[0]) for pattern in (_IPV4, _IPV6) for match in pattern.finditer(text)):
        return "an IP address"
    for match in _DIGIT_GROUPS.finditer(_HARMLESS.sub(" x ", text)):
        found = _number_kind(match[0])
        if found:
            return found
    return ""


def _number_kind(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    if _SHORTEST_CARD <= len(digits) <= _LONGEST_CARD and _passes_luhn(digits):
        return "a card number"
    if (_SHORTEST_PHONE if text.startswith("+") else _SHORTEST_NATIONAL) <= len(digits) <= _LONGEST_PHONE:
        return "a number that may be a phone number"
    return ""


def _passes_luhn(digits: str) -> bool:
    """The checksum of card numbers (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """The checksum of international bank account numbers (ISO 13616)."""
    compact = text.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
