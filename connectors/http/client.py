"""Asks an HTTP store once: bounded in time and size, no redirect followed, and every failure of the right kind."""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from connectors.codes import FEED_REFUSES, FEED_WRONG, STORE_UNREACHABLE
from connectors.http.options import HttpPollOptions, put, secret
from connectors.protocol import Away
from contracts.faults import Refused, Unavailable

_NEXT = re.compile(r'<([^>]*)>\s*(?:;[^,<]*)?;\s*rel="?next"?(?=[\s;,]|$)')
_LATER = (408, 425, 429, 500, 502, 503, 504)


class Answer(NamedTuple):
    """What the store said.  `body` is None when it has not changed since the given ETag."""

    body: bytes | None
    etag: str | None
    link: str | None
    at: datetime


class Later(Away):
    """The store asks to be left alone for `seconds`, or for as long as the caller thinks right (None)."""

    seconds: float | None = None


def ask(options: HttpPollOptions, url: str, cursor: str | None, etag: str | None) -> Answer:
    """One request.  Raises `Later` (try again), `Unavailable` (refused the user) and `Refused` (not what was expected)."""
    parts = urlsplit(url)
    query = parts.query
    if cursor is not None and options.cursor_body is None:
        query = "&".join(filter(None, (query, urlencode({options.cursor_parameter: cursor}))))
    body = None
    if options.method == "POST":
        wanted = {} if cursor is None or options.cursor_body is None else put(options.cursor_body, cursor)
        body = json.dumps(wanted).encode()
    target = (parts.path or "/") + (f"?{query}" if query else "")
    connection = _connection(parts.scheme, parts.netloc, options.timeout_seconds)
    try:
        connection.request(options.method, target, body, _headers(options, body, etag))
        response = connection.getresponse()
        content = response.read(options.body_bytes_max + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Later(STORE_UNREACHABLE.fault(f"{parts.netloc}: {type(error).__name__}")) from error
    finally:
        connection.close()
    _hold(options, parts.netloc, response, content)
    link = _NEXT.search(", ".join(response.headers.get_all("Link", [])))
    return Answer(
        None if response.status == http.HTTPStatus.NOT_MODIFIED else content,
        response.headers.get("ETag"),
        None if link is None else _same_origin(url, urljoin(url, link[1])),
        _date(response),
    )


def _hold(options: HttpPollOptions, host: str, response: http.client.HTTPResponse, content: bytes) -> None:
    """Raise what an answer that brings no items means."""
    status = response.status
    if status in _LATER:
        later = Later(STORE_UNREACHABLE.fault(f"{host} answered {status}"))
        asked = response.headers.get("Retry-After", "")
        later.seconds = _retry_seconds(asked, _date(response))
        raise later
    if status in (401, 403):
        raise Unavailable(FEED_REFUSES.fault(f"{host} answered {status}"))
    if status not in (200, 304):
        raise Refused(FEED_WRONG.fault(f"{host} answered {status}"))
    if len(content) > options.body_bytes_max:
        raise Refused(FEED_WRONG.fault(f"{host} answered with more than {options.body_bytes_max} bytes"))
    length = response.headers.get("Content-Length")
    if length is not None and length.isdecimal() and status == http.HTTPStatus.OK and len(content) != int(length):
        raise Later(STORE_UNREACHABLE.fault(f"{host}: the answer ended too early"))


def _headers(options: HttpPollOptions, body: bytes | None, etag: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "concordat"}
    if options.token_file is not None:
        headers["Authorization"] = f"Bearer {secret(options.token_file)}"
    if options.basic_file is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(secret(options.basic_file).encode()).decode()
    if etag is not None:
        headers["If-None-Match"] = etag
    if body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _connection(scheme: str, netloc: str, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(netloc, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(netloc, timeout=seconds)


def _same_origin(url: str, link: str) -> str:
    """A link to another server would carry our token there."""
    if urlsplit(url)[:2] != urlsplit(link)[:2]:
        raise Refused(FEED_WRONG.fault(f"a Link header of {urlsplit(url).netloc} leads to another server"))
    return link


def _retry_seconds(text: str, now: datetime) -> float | None:
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (_aware(parsedate_to_datetime(text)) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _date(response: http.client.HTTPResponse) -> datetime:
    """When the store answered, by its own clock; 1970 where it does not say."""
    try:
        return _aware(parsedate_to_datetime(response.headers.get("Date", "")))
    except (ValueError, TypeError):
        return datetime.fromtimestamp(0, UTC)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
