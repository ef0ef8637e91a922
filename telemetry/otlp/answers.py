"""What is answered, in the encoding of the request.

A success says how many records were refused and why (`partialSuccess`); a failure is a
`google.rpc.Status` whose details carry the portal's own stable code, as `google.rpc.ErrorInfo`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.base.api.answers import JSON, JsonAnswer
from telemetry.ingest.receipts import Receipt
from telemetry.otlp.protobuf import data, number

PROTOBUF = "application/x-protobuf"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_DOMAIN = "controlplane"
# HTTP status -> google.rpc.Code
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 10, 411: 3, 413: 3, 415: 3, 429: 8}
_INTERNAL, _UNAVAILABLE = 13, 14


def is_protobuf(request: HttpRequest) -> bool:
    return media_type(request) in {PROTOBUF, "application/protobuf"}


def media_type(request: HttpRequest) -> str:
    return str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def done(request: HttpRequest, rejected: str, receipts: list[Receipt]) -> HttpResponse:
    """`rejected`: what the count is called, `rejectedSpans` or `rejectedLogRecords`."""
    count = sum(each.rejected for each in receipts)
    reason = _reasons(receipts) if count else ""
    if is_protobuf(request):
        partial = number(1, count) + data(2, reason)
        return HttpResponse(data(1, partial), content_type=PROTOBUF)
    partial_success = {rejected: str(count), "errorMessage": reason}
    return JsonAnswer({"partialSuccess": partial_success} if count else {})


def _reasons(receipts: list[Receipt]) -> str:
    """Each code with its count and the first sentence that told of it."""
    counts: Counter[str] = Counter()
    sentences: dict[str, str] = {}
    for receipt in receipts:
        for verdict in receipt.verdicts:
            if verdict.status == "rejected":
                counts[verdict.code] += 1
                sentences.setdefault(verdict.code, verdict.reason)
    parts = [f"{total} {code}: {sentences[code]}" for code, total in counts.most_common()]
    return " ".join(parts)


def failed(request: HttpRequest, response: JsonAnswer) -> HttpResponse:
    """The portal's envelope as a `Status`. Headers stay, `Retry-After` among them."""
    error = response.data["error"]
    status = response.status_code
    if status == 409:  # exporters give up on it, and it is only that somebody was faster
        status = 503
    code = _CODES.get(status, _UNAVAILABLE if status in {502, 503, 504} else _INTERNAL)
    answer = _status(request, code, error)
    answer.status_code = status
    for name, value in response.items():
        if name != "Content-Type":
            answer[name] = value
    return answer


def _status(request: HttpRequest, code: int, error: dict[str, Any]) -> HttpResponse:
    about = {"request_id": error["request_id"] or ""}
    message = " ".join([error["message"], *map(str, error["details"].values())])[:1_000]
    if not is_protobuf(request):
        info = {"@type": _INFO, "reason": error["code"], "domain": _DOMAIN, "metadata": about}
        return JsonAnswer({"code": code, "message": message, "details": [info]})
    entries = b"".join(data(3, data(1, key) + data(2, text)) for key, text in about.items())
    info_bytes = data(1, error["code"]) + data(2, _DOMAIN) + entries
    detail = data(1, _INFO) + data(2, info_bytes)
    body = number(1, code) + data(2, message) + data(3, detail)
    return HttpResponse(body, content_type=PROTOBUF)


__all__ = ["JSON", "PROTOBUF", "done", "failed", "is_protobuf", "media_type"]
