"""Names of fields, pseudonyms, and the forms of text that the generated corpus does not reach."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from controlplane.lib.redaction import (
    MARK,
    pseudonym,
    redact,
    redact_batch,
    redact_counted,
    redact_text,
    register_field,
)
from controlplane.lib.redaction.keys import classify
from tests.kit import redaction_values as values

VENDOR = "gh" + "p_" + "a1B2" * 9
OPAQUE = "9f8" + "e7d6c5b4a3928" * 2


def _words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    "name",
    _words(
        """
        email userEmail phone work-phone address billingAddress token
        accessToken X-Auth-Token authorization password DB_PASSWORD
        client_secret set-cookie account_id accountId api_key
        AWS_SECRET_ACCESS_KEY iban card_number ssn first_name otp credentials
        sessionid
        """
    ),
)
def test_sensitive_name__value_is_replaced_whole(name: str) -> None:
    assert redact({name: "Any Thing"}) == {name: MARK}
    assert redact({"outer": [{name: {"a": 1}}]}) == {"outer": [{name: MARK}]}


@pytest.mark.parametrize(
    "name",
    _words(
        """
        mission_id tenantId stage correlation_id bd_issue request_id trace_id
        session_id token_usage
        """
    ),
)
def test_name_of_an_id__keeps_whatever_may_be_one(name: str) -> None:
    """Also what would be a card, a phone or an account in running text."""
    for value in ("4111111111111111", "+49 30 901820", "acct_12345678", "a1b2" * 16, "BD-77"):
        assert redact({name: value}) == {name: value}


def test_name_of_an_id__is_no_hiding_place() -> None:
    """Whoever uses an address or a token as an id loses the id, whole."""
    token = values.web_token(Random(3))
    for value in ("a.b@example.com", token, "https://ada:hunter22@x.example.org/1"):
        cleaned, counts = redact_counted({"session_id": value, "mission_id": "MIS-1"})
        assert cleaned == {"session_id": MARK, "mission_id": "MIS-1"}
        assert sum(counts.values()) == 1


@pytest.mark.parametrize(
    "name",
    _words(
        """
        max_tokens prompt_tokens token_count token_type next_page_token
        password_changed_at secret_name cookie_name ip_address remote_address
        email_sent phone_model account_type tokenizer tool_name file_name
        public_key routing_key authorization_status is_mobile
        """
    ),
)
def test_name_about_a_value__says_nothing(name: str) -> None:
    assert classify(name) == ""
    assert redact({name: "plain"}) == {name: "plain"}


def test_numbers__touched_only_under_a_sensitive_name() -> None:
    value = {"n": 4111111111111111, "pin": 1234, "emails": 12, "ok": True, "token": None, "f": 1.5}
    assert redact(value) == {**value, "pin": MARK}


def test_user_id__is_the_same_pseudonym_everywhere() -> None:
    name = pseudonym("42")
    assert name.startswith("user_")
    assert "42" not in name.removeprefix("user_")[:2] or len(name) == 25
    assert redact({"user_id": 42, "userId": "42"}) == {"user_id": name, "userId": name}
    assert redact({"user_ids": [42, "43"]}) == {"user_ids": [name, pseudonym("43")]}
    assert redact_text("user_id=42 signed in") == f"user_id={name} signed in"
    assert pseudonym(name) == name


def test_user_id__somebody_elses_look_alike_is_hashed() -> None:
    forged = "user_" + "0" * 20
    assert pseudonym(forged) != forged


def test_pseudonym__depends_on_the_key(settings: Any) -> None:
    before = pseudonym("42")
    settings.PSEUDONYM_KEY = "another"
    assert pseudonym("42") != before


def test_counts__per_kind() -> None:
    _, counts = redact_counted(
        {"email": "x", "note": "a.b@example.com c.d@example.com", "pin": "1"}
    )
    assert counts == {"email": 3, "secret": 1}
    assert redact_counted({"note": "nothing here"})[1] == {}


def test_batch__counts_belong_to_their_value() -> None:
    results = redact_batch([{"a": "x.y@example.com"}, "clean", {"password": "x"}])
    assert [counts for _, counts in results] == [{"email": 1}, {}, {"secret": 1}]


def test_other_types__are_read_as_their_text() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    ids = uuid.uuid4()
    value = redact(
        {"at": now, "id": ids, "sum": Decimal("1.50"), "raw": b"a.b@example.com", 5: (1,)}
    )
    assert value == {"at": now, "id": ids, "sum": Decimal("1.50"), "raw": MARK, "5": [1]}


def test_unprintable_object__names_its_type() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert redact({"x": Broken()}) == {"x": "<Broken>"}


def test_names_that_are_personal_data__are_replaced_and_none_is_lost() -> None:
    value = redact({"a.b@example.com": 1, "c.d@example.com": 2, "n": 3})
    assert list(value.values()) == [1, 2, 3]
    assert "@" not in json.dumps(value)


def test_registered_field__counts_in_values_and_in_text() -> None:
    register_field("loyalty_number", "account")
    assert redact({"loyaltyNumber": "LN-1"}) == {"loyaltyNumber": MARK}
    assert redact_text('{"loyalty_number": "LN-1"}') == f'{{"loyalty_number": "{MARK}"}}'
    with pytest.raises(ValueError, match="not a kind"):
        register_field("x", "nonsense")
    with pytest.raises(ValueError, match="already"):
        register_field("loyalty_number", "email")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ('say {"password": "foo bar baz", "n": 1}', "foo bar"),
        (r'outer "{\"secret\":\"foo \\\"q\\\" bar\",\"n\":1}"', "bar"),
        ("&quot;token&quot;:&quot;abc&quot;", "abc"),
        ("{'api_key': 'zz top'}", "zz"),
        ('Authorization: Digest username="bob", response="0a4f11"', "0a4f11"),
        (f"Authorization: AWS4-HMAC-SHA256 Credential=x/y, Signature={OPAQUE}", OPAQUE),
        (f'-H "X-Auth-Token: {OPAQUE}" -v', OPAQUE),
        (f"Cookie: a={OPAQUE}; b=ok12345", "ok12345"),
        (f"https://s.example/b?sv=1&sig={OPAQUE}%3D&se=2", OPAQUE),
        ("postgres://u:p/w+x=@db/x", "p/w+x"),
        ("redis://:pa55@cache:6379", "pa55"),
        (f"https://{OPAQUE}@sentry.example/1", OPAQUE),
        ("mail me at jane%40example.com", "jane"),
        ("Grüße an jürgen@bücher.example", "jürgen"),
        (f"x{VENDOR} y {VENDOR}.", f" {VENDOR}"),
        ("tel +49\u00a030\u00a0123456\u00a078", "123456"),
        ("0176\u201112345678", "12345678"),
        ("Call 555-867-5309x22 now", "5309"),
        ("ssn 123-45-6789", "6789"),
        ("first line\\njane.roe@example.com\\nlast", "roe"),
    ],
)
def test_text__value_is_gone(text: str, gone: str) -> None:
    result = redact_text(text)
    assert gone not in result
    assert MARK in result


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-15T14:32:18.457Z took 1,204.55 ms at 192.168.10.12:8080 and [2001:db8::1]:443",
        "0190f3b2-1c1d-7c3f-9d4a-2b1c3d4e5f60 01ARZ3NDEKTSV4RRFFQ69G5FAV 9fceb02d0ae598e95dc970b7",
        "task_description risk_assessment disk_usage_high pk_constraint_users_id sk_learn",
        "password: required; token: expired; secret=null; api_key=${API_KEY}; token=<token>",
        "unexpected token '}' in JSON at position 4812",
        "http://host:8080/path/~user@example and ssh://git@github.com:org/repo.git",
        "rows 200 512 1024 and 2025.09.05 and 1760538738457 and 10485760 bytes",
        "icon@2x.png react@18.2.0 @types/node@20.11.5 celery@worker-1.local",
        "account-service-7d9f8c6b5-x2x4z customer-api-v2 account_v2_migration",
        "Basic functionality, bearer authentication and token based access",
        "range 01067-01099, ratio 3/4, 12:30-13:45, +02:00, -0500, v1.22.333",
        "address already in use; email queue empty; card accepted; phone field missing",
        'WWW-Authenticate: Bearer realm="portal", error="invalid_token"',
        "req_abc123xyz mission_789 BD-4521 INC-12 user_***redacted***",
    ],
)
def test_text__harmless_stays(text: str) -> None:
    assert redact_text(text) == text


def test_private_key__goes_whole_and_so_does_a_torn_one() -> None:
    head, tail = "-----BEGIN RSA PRI" + "VATE KEY-----", "-----END RSA PRI" + "VATE KEY-----"
    assert redact_text(f"a {head}\nMIIE\nxyz=\n{tail} b") == f"a {MARK} b"
    assert redact_text(f"a {head}\nMIIExyz") == f"a {MARK}"


def test_query_token__leaves_the_rest_of_the_url() -> None:
    url = f"https://x.example/cb?access_token={OPAQUE}&next=/a#top"
    assert redact_text(url) == f"https://x.example/cb?access_token={MARK}&next=/a#top"
