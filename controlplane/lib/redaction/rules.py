"""The rules for running text, in the order they are applied.

Each rule is one linear scan. What a rule takes is masked before the next one looks, so no two
rules fight over a span and a password that holds an `@` is never read as an e-mail address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from controlplane.lib.redaction import credentials, pairs, personal, phones, vendors
from controlplane.lib.redaction.common import Found


class Rule(NamedTuple):
    name: str
    find: Callable[[bytes], Iterator[Found]]
    hint: Callable[[], bytes]  # matches wherever the rule can; part of the batch's one scan


def _fixed(pattern: bytes) -> Callable[[], bytes]:
    return lambda: pattern


RULES: tuple[Rule, ...] = (
    Rule("private_key", credentials.private_keys, _fixed(credentials.PEM_HINT)),
    Rule("url_credentials", credentials.url_credentials, _fixed(credentials.URL_HINT)),
    Rule("jwt", credentials.web_tokens, _fixed(credentials.JWT_HINT)),
    Rule("pair", pairs.find, pairs.hint),
    Rule("inline", credentials.inline_credentials, _fixed(credentials.INLINE_HINT)),
    Rule("vendor", credentials.vendor_tokens, _fixed(vendors.CERTAIN)),
    Rule("shaped", credentials.shaped_tokens, _fixed(vendors.MAYBE)),
    Rule("sentence", credentials.sentences, _fixed(credentials.PROSE_HINT)),
    Rule("option", credentials.options, _fixed(credentials.OPTION_HINT)),
    Rule("markup", credentials.markup, _fixed(credentials.XML_HINT)),
    Rule("query", credentials.queries, _fixed(credentials.QUERY_HINT)),
    Rule("email", personal.emails, _fixed(personal.EMAIL_HINT)),
    Rule("iban", personal.ibans, _fixed(personal.IBAN_HINT)),
    Rule("labelled_card", personal.labelled_cards, _fixed(personal.CARD_HINT)),
    Rule("card", personal.cards, _fixed(personal.CARD_HINT)),
    Rule("national_id", personal.national_ids, _fixed(personal.SSN_HINT)),
    Rule("account", personal.accounts, _fixed(personal.ACCOUNT_HINT)),
    Rule("labelled_phone", personal.telephone_numbers, _fixed(phones.LABEL_HINT)),
    Rule("phone", personal.plain_numbers, _fixed(phones.HINT)),
)
