"""Makers of values for the redaction corpus: every shape is put together at run time, so that no
token-shaped string stands in a file, and every one comes from the seeded generator it is given."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from random import Random

LOWER = string.ascii_lowercase + string.digits
MIXED = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URLSAFE = MIXED + "-_"


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words(
    "anna bjorn chidi dalia emeka farah greta hugo ines jonas kemal lucia mehdi noor oskar"
)
LAST = _words("abel brandt castillo dubois eriksen fontaine garcia hoffmann ivanova jansen keller")
DOMAINS = _words("example.com mail.example.org firma.example.de post.example.fr corp.example.co.uk")
WORDS = _words("falcon harbor maple quartz river sunset tiger velvet walnut zephyr")


def pick(rng: Random, alphabet: str, count: int) -> str:
    """Random characters that hold a digit and a letter, as tokens of this length do."""
    while True:
        text = "".join(rng.choice(alphabet) for _ in range(count))
        if (
            count < 6
            or alphabet.isdigit()
            or (any(c.isdigit() for c in text) and any(c.isalpha() for c in text))
        ):
            return text


def digits(rng: Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


# --- secrets -------------------------------------------------------------------------------------

_VENDORS: list[Callable[[Random], str]] = [
    lambda r: "AK" + "IA" + pick(r, UPPER, 16),
    lambda r: "AS" + "IA" + pick(r, UPPER, 16),
    lambda r: "gh" + r.choice("pousr") + "_" + pick(r, MIXED, 36),
    lambda r: "github" + "_pat_" + pick(r, MIXED, 22) + "_" + pick(r, MIXED, 59),
    lambda r: "glp" + "at-" + pick(r, URLSAFE, 20).strip("-_") + "a1",
    lambda r: "xo" + "xb-" + digits(r, 12) + "-" + digits(r, 13) + "-" + pick(r, MIXED, 24),
    lambda r: "xo" + "xp-" + digits(r, 11) + "-" + digits(r, 12) + "-" + pick(r, HEX, 32),
    lambda r: "sk" + "_live_" + pick(r, MIXED, 24),
    lambda r: "rk" + "_test_" + pick(r, MIXED, 99),
    lambda r: "wh" + "sec_" + pick(r, MIXED, 32),
    lambda r: "AI" + "za" + pick(r, MIXED, 35),
    lambda r: "ya" + "29." + pick(r, MIXED, 60),
    lambda r: "GOC" + "SPX-" + pick(r, MIXED, 28),
    lambda r: "sk" + "-proj-" + pick(r, MIXED, 48),
    lambda r: "sk" + "-" + pick(r, MIXED, 48),
    lambda r: "sk" + "-ant-api03-" + pick(r, MIXED, 93) + "AA",
    lambda r: "np" + "m_" + pick(r, MIXED, 36),
    lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + pick(r, MIXED, 80),
    lambda r: "h" + "f_" + pick(r, MIXED, 34),
    lambda r: "S" + "G." + pick(r, MIXED, 22) + "." + pick(r, MIXED, 43),
    lambda r: "dop" + "_v1_" + pick(r, HEX, 64),
    lambda r: "hv" + "s." + pick(r, MIXED, 24),
    lambda r: "shp" + "at_" + pick(r, HEX, 32),
    lambda r: "dckr" + "_pat_" + pick(r, MIXED, 27),
    lambda r: "glsa" + "_" + pick(r, MIXED, 32) + "_" + pick(r, HEX, 8),
    lambda r: "key" + "-" + pick(r, HEX, 32),
    lambda r: "dapi" + pick(r, HEX, 32),
]


def vendor_token(rng: Random) -> str:
    return rng.choice(_VENDORS)(rng)


def password(rng: Random) -> str:
    style = rng.randrange(4)
    if style == 0:
        return rng.choice(WORDS).title() + rng.choice("!$%*+") + digits(rng, rng.randint(2, 5))
    if style == 1:
        return pick(rng, MIXED, rng.randint(8, 20))
    if style == 2:
        return "-".join(rng.choice(WORDS) for _ in range(3)) + digits(rng, 2)
    return pick(rng, MIXED + "!@%^*_+=", rng.randint(10, 18)).strip("@=") + "x7"


def opaque(rng: Random) -> str:
    """A secret without a tell-tale form: hexadecimal, base64 or letters and digits."""
    style = rng.randrange(3)
    if style == 0:
        return pick(rng, HEX, rng.choice([32, 40, 64]))
    if style == 1:
        return base64.b64encode(rng.randbytes(rng.choice([18, 24, 33]))).decode()
    return pick(rng, MIXED, rng.randint(20, 44))


def web_token(rng: Random) -> str:
    def part(value: object) -> str:
        raw = json.dumps(value, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    head = {"alg": rng.choice(["HS256", "RS256", "EdDSA"]), "typ": "JWT"}
    if rng.random() < 0.3:
        head = {"typ": "JWT", "alg": "RS256", "kid": pick(rng, HEX, 12)}
    claims = {"sub": pick(rng, LOWER, 10), "iat": rng.randint(1_500_000_000, 1_900_000_000)}
    signature = base64.urlsafe_b64encode(rng.randbytes(rng.choice([32, 64]))).decode().rstrip("=")
    return f"{part(head)}.{part(claims)}.{signature}"


def user_and_password(rng: Random) -> str:
    secret = pick(rng, MIXED, rng.randint(8, 24))
    if rng.random() < 0.3:
        secret = secret[:4] + rng.choice("!$%*+._~-") + secret[4:]
    return f"{rng.choice(['app', 'svc_web', 'pguser', 'admin', 'deploy', ''])}:{secret}"


# --- people --------------------------------------------------------------------------------------


def email(rng: Random) -> str:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    local = rng.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}+news",
            f"{first}_{last}{digits(rng, 2)}",
            f"{last}",
            f"{first}-{last}".title(),
        ]
    )
    return f"{local}@{rng.choice(DOMAINS)}"


def phone(rng: Random) -> str:
    """A number as people write it in one of nine countries, with what makes it recognisable."""

    def d(count: int) -> str:
        return digits(rng, count)

    def n() -> str:
        return rng.choice("23456789")

    area, exchange = n() + rng.choice("2345678") + d(1), n() + rng.choice("2345678") + d(1)
    return rng.choice(
        [
            f"+1 {area} {exchange} {d(4)}",
            f"+1-{area}-{exchange}-{d(4)}",
            f"({area}) {exchange}-{d(4)}",
            f"{area}-{exchange}-{d(4)}",
            f"+1{area}{exchange}{d(4)}",
            f"{area}.{exchange}.{d(4)}",
            f"+49 30 {n()}{d(6)}",
            f"+49 (0) 89 {n()}{d(3)} {d(3)}",
            f"+4917{d(1)}{n()}{d(7)}",
            f"030/{n()}{d(6)}",
            f"030 {n()}{d(6)}",
            f"(089) {n()}{d(6)}",
            f"0171-{n()}{d(6)}",
            f"0151 {n()}{d(3)} {d(4)}",
            f"0049 40 {n()}{d(6)}",
            f"0211 / {n()}{d(2)} {d(3)}",
            f"+33 6 {d(2)} {d(2)} {d(2)} {d(2)}",
            f"06 {n()}{d(1)} {d(2)} {d(2)} {d(2)}",
            f"01.{n()}{d(1)}.{d(2)}.{d(2)}.{d(2)}",
            f"+336{d(8)}",
            f"07-{n()}{d(1)}-{d(2)}-{d(2)}-{d(2)}",
            f"+44 20 7{d(3)} {d(4)}",
            f"020 7{d(3)} {d(4)}",
            f"07{n()}{d(2)} {d(6)}",
            f"+41 44 {n()}{d(2)} {d(2)} {d(2)}",
            f"+43 660 {n()}{d(6)}",
            f"+31 6 {n()}{d(7)}",
            f"+34 6{d(2)} {d(3)} {d(3)}",
            f"+91 9{d(4)} {d(5)}",
        ]
    )


def national_phone(rng: Random) -> str:
    """Digits that only a label makes a telephone number."""
    return rng.choice(
        [
            "01" + "234567" + digits(rng, 3),
            "6" + digits(rng, 8),
            "5" + digits(rng, 9),
            "0" + "30" + "4" + digits(rng, 6),
            "555-" + "0" + digits(rng, 3),
        ]
    )


def _with_luhn(body: str) -> str:
    total = 0
    for index, character in enumerate(reversed(body)):
        digit = int(character)
        if index % 2 == 0:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return body + str(-total % 10)


def card(rng: Random) -> str:
    prefix, length = rng.choice(
        [
            ("4", 16),
            ("4", 16),
            ("51", 16),
            ("54", 16),
            ("2345", 16),
            ("37", 15),
            ("6011", 16),
            ("3530", 16),
            ("36", 14),
            ("62", 16),
        ]
    )
    number = _with_luhn(prefix + digits(rng, length - len(prefix) - 1))
    separator = rng.choice(["", "", " ", "-"])
    if length == 15:
        return separator.join([number[:4], number[4:10], number[10:]])
    if length == 14:
        return separator.join([number[:4], number[4:10], number[10:]])
    return separator.join(number[i : i + 4] for i in range(0, 16, 4))


def iban(rng: Random) -> str:
    country, length = rng.choice([("DE", 22), ("FR", 27), ("NL", 18), ("GB", 22), ("CH", 21)])
    body = digits(rng, length - 4)
    if country in {"NL", "GB"}:
        body = "ABNA" + body[4:]
    number = "".join(c if c.isdigit() else str(ord(c) - 55) for c in body + country + "00")
    text = f"{country}{98 - int(number) % 97:02d}{body}"
    if rng.random() < 0.5:
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
    return text


def account_number(rng: Random) -> str:
    return rng.choice(
        [
            digits(rng, rng.randint(6, 12)),
            f"{digits(rng, 4)}-{digits(rng, 4)}-{digits(rng, 2)}",
            f"AC-{digits(rng, 8)}",
            f"{rng.choice('KZB')}{digits(rng, 7)}",
        ]
    )


def account_token(rng: Random) -> str:
    return rng.choice(
        [
            "acct" + "_" + pick(rng, MIXED, 16),
            "cust" + "-" + digits(rng, 6),
            "customer" + "_" + digits(rng, 7),
            "account" + "#" + digits(rng, 8),
            "cus" + "_" + pick(rng, MIXED, 14),
            "acct" + "-" + digits(rng, 4) + "-" + digits(rng, 4),
        ]
    )


# --- what must stay ------------------------------------------------------------------------------


def keeper(rng: Random) -> str:
    """An identifier, figure or name of telemetry that redaction must leave alone."""

    def h(count: int) -> str:
        return pick(rng, HEX, count)

    day = f"20{rng.randint(24, 29)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    clock = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    figures = f"{rng.randint(100, 999)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}"
    octets = [rng.randint(0, 255) for _ in range(3)]
    crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    luhnless = _with_luhn("4" + digits(rng, 14))
    return rng.choice(
        [
            f"{h(8)}-{h(4)}-7{h(3)}-a{h(3)}-{h(12)}",
            "01" + pick(rng, crockford, 24),
            h(40),
            h(64),
            h(7),
            f"{day}T{clock}.{digits(rng, 3)}Z",
            f"{day} {clock}",
            day,
            day.replace("-", "."),
            f"{day}T{clock}+02:00",
            f"17{digits(rng, 8)}",
            f"17{digits(rng, 11)}",
            f"17{digits(rng, 17)}",
            f"v{rng.randint(0, 9)}.{rng.randint(0, 30)}.{rng.randint(0, 99)}",
            f"10.{octets[0]}.{octets[1]}.{octets[2]}",
            f"192.168.{rng.randint(0, 255)}.{rng.randint(1, 254)}:5432",
            f"2001:db8::{h(4)}:{h(4)}",
            f"req_{pick(rng, LOWER, 16)}",
            f"mission_{digits(rng, 5)}",
            f"BD-{rng.randint(1, 99999)}",
            f"INC-{rng.randint(1, 9999)}",
            f"checkout-api-{h(9)}-{pick(rng, LOWER, 5)}",
            f"account-service-{h(10)}-{pick(rng, LOWER, 5)}",
            f"€{rng.randint(1, 9999)}.99",
            f"${rng.randint(1, 999)},{digits(rng, 3)}.00",
            f"{rng.randint(1, 9)}{digits(rng, 7)} bytes",
            f"token_usage={rng.randint(1, 99999)}",
            f"max_tokens={rng.randint(1, 9999)}",
            "pk_constraint_users_email",
            "sk_learn_pipeline_v2",
            "risk_assessment_2025",
            "disk_usage_high",
            "task_description",
            "claude-sonnet-4-20250514",
            "gpt-4o-2024-08-06",
            "gemini-2.5-pro",
            f"latency_ms={rng.randint(1, 99999)}",
            luhnless[:-1] + str((int(luhnless[-1]) + 5) % 10),
            f"duration {figures} us",
            f"/api/v1/missions/{digits(rng, 6)}",
            "application/vnd.api+json",
            "utf-8",
            "@types/node@20.11.5",
            f"celery@worker-{rng.randint(1, 9)}.local",
            f"sha256:{h(64)}",
            f"{rng.randint(1, 99)}.{digits(rng, 4)}%",
            f"trace_id={h(32)}",
            f"span_id={h(16)}",
            f"{digits(rng, 3)}-{digits(rng, 2)}",
            "logo@2x.png",
            f"pid={rng.randint(100, 99999)}",
            f"0x{h(8)}",
            f"port {rng.randint(1024, 65535)}",
            f"session_key=adk-{h(12)}",
            "password_reset_requested",
            "tokenizer",
            "secret_name=db-main",
        ]
    )
