"""A labelled corpus of log lines, made by a seeded generator, and the score of a redactor on it.

Templates are sentences and structures of logs; values come from `redaction_values`. The score asks
what a reader asks: is the value gone, is the rest still there.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from random import Random

from tests.kit import redaction_values as values

CLASSES = ("secret", "email", "phone", "card", "account", "jwt", "url_credentials", "iban")


@dataclass
class Line:
    text: str = ""
    spans: list[tuple[int, int, str]] = field(default_factory=list)
    keeps: list[tuple[int, int]] = field(default_factory=list)


_MAKERS: dict[str, tuple[str, Callable[[Random], str]]] = {
    "vendor": ("secret", values.vendor_token),
    "pw": ("secret", values.password),
    "opaque": ("secret", values.opaque),
    "jwt": ("jwt", values.web_token),
    "userinfo": ("url_credentials", values.user_and_password),
    "email": ("email", values.email),
    "phone": ("phone", values.phone),
    "natphone": ("phone", values.national_phone),
    "card": ("card", values.card),
    "iban": ("iban", values.iban),
    "acctno": ("account", values.account_number),
    "acct": ("account", values.account_token),
    "keep": ("", values.keeper),
}

TEMPLATES: dict[str, list[str]] = {
    "secret": [
        "leaked {vendor} in build log of {keep}",
        "using key {vendor}",
        "export API_TOKEN={vendor}",
        "found '{vendor}' at line 14",
        "deploy failed: {vendor} was refused ({keep})",
        "({vendor})",
        "password={pw} rejected for job {keep}",
        "PGPASSWORD={pw} psql -h db",
        "passwd: {pw}",
        'login with password "{pw}" failed',
        "DB_PASSWORD='{pw}'",
        "client_secret={opaque}&grant_type=x",
        "api_key={opaque} region=eu",
        "X-Api-Key: {opaque}",
        "Authorization: Bearer {opaque}",
        "authorization=Basic {opaque}",
        "sent header Authorization: token {opaque} to {keep}",
        "bearer {opaque} expired at {keep}",
        'config {{"apiKey": "{opaque}", "retries": 3}} loaded',
        'payload={{\\"access_token\\":\\"{opaque}\\",\\"expires_in\\":3600}}',
        "GET /callback?access_token={opaque}&state=ok 200",
        "https://api.example.com/v1?api_key={opaque}",
        "refresh_token: {opaque}",
        "secret_key = {opaque}",
        "Server=db;User Id=sa;Password={pw};Timeout=3",
        "AccountName=store;AccountKey={opaque};EndpointSuffix=core",
        "curl -u deploy:{pw} https://x.example",
        "mysql --user root --password {pw} shop",
        "cli --token={vendor} sync",
        "the password is {pw} for now",
        "Set-Cookie: sid={opaque}; Path=/; HttpOnly",
        "aws_secret_access_key = {opaque}",
        "{{'token': '{opaque}', 'kind': 'x'}}",
        "webhook secret={opaque}",
        "Passwort: {pw}",
        "host=db user=app password={pw} dbname=main",
        "<password>{pw}</password>",
    ],
    "email": [
        "mail to {email} bounced",
        "user {email} signed in from {keep}",
        "From: <{email}>",
        "cc={email},",
        '{{"contact":"{email}","n":1}}',
        "invite sent ({email})",
        "mailto:{email}?subject=hi",
        "Benutzer {email} wurde gesperrt",
        "owner={email} stage=define",
        "{email} opened {keep}",
        "recipients: {email}; {email}",
        "https://x.invalid/u?login={email}&v=2",
        "reply from {email}.",
    ],
    "phone": [
        "call {phone} for details",
        "Telefon: {phone}",
        "SMS to {phone} failed",
        "caller {phone} hung up",
        "contact: {phone}.",
        "Rückruf unter {phone} erbeten",
        "téléphone {phone}",
        "tel:{phone}",
        '{{"phone": "{phone}"}}',
        "number {phone} verified at {keep}",
        "reach me at {phone} or {email}",
        "phone={phone};",
        "mobile {natphone}",
        "Tel. {natphone}",
        "phone number: {natphone}",
        "fax {phone}",
        "dialled {phone} ({keep})",
        "user entered '{phone}'",
    ],
    "card": [
        "card {card} declined",
        "paid with {card}",
        "PAN={card} exp=11/27",
        '{{"card":"{card}"}}',
        "charge on {card} for {keep}",
        "Karte {card} gesperrt",
        "number: {card}.",
        "[{card}]",
    ],
    "account": [
        "account {acctno} closed",
        "account number: {acctno}",
        "account_id={acctno} plan=pro",
        "acct {acctno} overdrawn",
        "customer {acctno} upgraded",
        "moved {acct} to tier 2",
        "for {acct},",
        '{{"accountId":"{acctno}"}}',
        "Customer ID: {acctno}",
        "billing {acct} failed ({keep})",
        "Kundennummer {acctno}",
        "account #{acctno}",
    ],
    "jwt": [
        "token {jwt} rejected",
        "Authorization: Bearer {jwt}",
        "id_token={jwt}&state=1",
        "got {jwt}",
        '{{"jwt": "{jwt}"}}',
        "Cookie: session={jwt}",
        "verify({jwt}) -> false",
        "jwt={jwt} kid={keep}",
    ],
    "url_credentials": [
        "postgres://{userinfo}@db.internal:5432/app",
        "clone https://{userinfo}@git.example.com/a.git",
        "broker redis://{userinfo}@cache:6379/0 lost",
        "amqp://{userinfo}@mq/vhost",
        "ftp://{userinfo}@f.example",
        "DATABASE_URL=postgresql://{userinfo}@10.0.0.5/x?sslmode=require",
        "proxy http://{userinfo}@proxy:3128",
        "mongodb+srv://{userinfo}@c0.example.net/db",
    ],
    "iban": ["transfer to {iban} done", "IBAN: {iban}", "iban={iban}", "Konto {iban} belastet"],
    "clean": [
        "{keep} finished in 41 ms",
        "GET {keep} 200 {keep}",
        "started {keep} on {keep}",
        "{keep}",
        "retry 3 of 5 for {keep}: connection reset",
        "token expired, asking for a new one ({keep})",
        "password changed for service {keep}",
        "authorization required",
        "unexpected token '}}' at {keep}",
        "secret rotated {keep}",
        "Basic functionality test passed",
        "bearer authentication failed: {keep}",
        "address already in use: {keep}",
        "call 3 took 812 ms",
        "phone field is required",
        "step 2/5 {keep}",
        "email queue drained, 12 sent",
        "cookie consent shown",
        "account locked after 5 failures",
        '{{"stage":"define","mission_id":"{keep}","token_usage":{{"in":5,"out":9}}}}',
        "api key missing",
        "Token count 4812, limit 8192",
        "user agent Mozilla/5.0 (X11; Linux x86_64)",
        "{keep} -> {keep} ok",
        "rows 200 512 1024 took {keep}",
        "password: must be at least 12 characters",
        "card accepted",
        "SELECT id FROM account WHERE state = 'open' LIMIT 100",
        "the customer asked about {keep}",
    ],
}

_SLOT = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def fill(template: str, rng: Random) -> Line:
    line, position = Line(), 0
    for match in _SLOT.finditer(template):
        line.text += template[position : match.start()]
        position = match.end()
        if match[1] is None:
            line.text += match[0][0]
            continue
        kind, make = _MAKERS[match[1]]
        value = make(rng)
        start = len(line.text)
        line.text += value
        if kind:
            line.spans.append((start, len(line.text), kind))
        else:
            line.keeps.append((start, len(line.text)))
    line.text += template[position:]
    return line


def corpus(seed: int, lines: int) -> list[Line]:
    rng = Random(seed)
    kinds = list(TEMPLATES)
    weights = [5 if kind == "secret" else 6 if kind == "clean" else 2 for kind in kinds]
    made: list[Line] = []
    for kind in rng.choices(kinds, weights, k=lines):
        line = fill(rng.choice(TEMPLATES[kind]), rng)
        made.append(_wrapped(line, rng) if rng.random() < 0.25 else line)
    return made


def _wrapped(line: Line, rng: Random) -> Line:
    """The same line as the message of a JSON record, where it survives JSON's escapes."""
    if json.dumps(line.text, ensure_ascii=False)[1:-1] != line.text:
        return line
    head = json.dumps({"ts": values.keeper(rng), "level": "INFO"}, ensure_ascii=False)[:-1]
    head += ', "msg": "'
    shift = len(head)
    return Line(
        head + line.text + '"}',
        [(start + shift, end + shift, kind) for start, end, kind in line.spans],
        [(start + shift, end + shift) for start, end in line.keeps],
    )


@dataclass
class Score:
    found: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    missed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    kept = keepers = clean = altered = removed_right = removed = 0
    destroyed: list[str] = field(default_factory=list)
    overdone: list[str] = field(default_factory=list)

    def recall(self, kind: str | None = None) -> float:
        if kind is None:
            return sum(self.found.values()) / sum(self.total.values())
        return self.found[kind] / self.total[kind]

    @property
    def precision(self) -> float:
        return self.removed_right / self.removed

    @property
    def keep_rate(self) -> float:
        return self.kept / self.keepers

    @property
    def alter_rate(self) -> float:
        return self.altered / self.clean


def survives(value: str, output: str) -> bool:
    """Does a fragment of at least 5 characters and 40 % of the value stand in the output?"""
    size = max(5, round(len(value) * 0.4))
    if len(value) < size:
        return value in output
    return any(value[i : i + size] in output for i in range(len(value) - size + 1))


def score(lines: list[Line], redact: Callable[[str], str]) -> Score:
    result = Score()
    for line in lines:
        output = redact(line.text)
        for start, end, kind in line.spans:
            value = line.text[start:end]
            result.total[kind] += 1
            if survives(value, output):
                result.missed[kind].append(f"{line.text} => {output}")
            else:
                result.found[kind] += 1
        for start, end in line.keeps:
            result.keepers += 1
            if line.text[start:end] in output:
                result.kept += 1
            else:
                result.destroyed.append(f"{line.text} => {output}")
        if not line.spans:
            result.clean += 1
            result.altered += output != line.text
            if output != line.text and not line.keeps:
                result.destroyed.append(f"{line.text} => {output}")
        _precision(result, line, output)
    return result


def _precision(result: Score, line: Line, output: str) -> None:
    """Share of the removed words and marks that belonged to a labelled value."""
    if output == line.text:
        return
    labelled: set[int] = set()
    for start, end, _ in line.spans:
        labelled.update(range(start, end))
    words = [(m.start(), m.group()) for m in re.finditer(r"\w+", line.text)]
    left = re.findall(r"\w+", output.replace("***redacted***", " "))
    matcher = SequenceMatcher(None, [word for _, word in words], left, autojunk=False)
    before = result.removed - result.removed_right
    stayed = {
        i for block in matcher.get_matching_blocks() for i in range(block.a, block.a + block.size)
    }
    for index, (position, _) in enumerate(words):
        if index not in stayed:
            result.removed += 1
            result.removed_right += position in labelled
    if result.removed - result.removed_right > before:
        result.overdone.append(f"{line.text} => {output}")
