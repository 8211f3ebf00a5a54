"""The HTTP connectors against real local servers: what they ask, what they answer, and what they refuse."""

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connectors.http.options import HttpPollOptions, HttpPushOptions
from connectors.http.poll import HttpPollConnector
from connectors.http.push import HttpPushConnector
from connectors.protocol import Away, Position
from contracts.change import Op
from contracts.faults import Refused, Unavailable
from contracts.model import Contract, Field, FieldType, Kind, TypeName

ITEMS = Contract(
    "items",
    (1, 0, 0),
    Kind.ENTITY,
    "OFFICIAL",
    "o",
    "s",
    "Items",
    ("id",),
    (Field("id", FieldType(TypeName.INTEGER), required=True), Field("name", FieldType(TypeName.STRING))),
)


class Feed:
    """A server that gives prepared answers, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.answers = [], []
        feed = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                feed.asked.append((self.path, dict(self.headers), body))
                status, headers, document = feed.answers.pop(0)
                body = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name is the standard library's

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, document, status=200, **headers):
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, document))

    def connector(self, position=None, **options):
        options = {"url": f"{self.url}/feed", "interval_seconds": 0.001, "back_off_seconds_max": 0.001, **options}
        found = HttpPollConnector("s", HttpPollOptions(**options), [ITEMS])
        found.open(position)
        return found


@pytest.fixture
def feed():
    found = Feed()
    yield found
    found.server.shutdown()
    found.server.server_close()


def row(number):
    return {"id": number, "name": f"n{number}"}


def keys(batch):
    return [change.key["id"] for change in batch.changes]


def test_a_cursor_is_followed_and_survives_a_restart(feed, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    options = {"items": "/data/items", "next_cursor": "/next", "token_file": tmp_path / "token"}
    feed.answer({"data": {"items": [row(1), row(2)]}, "next": "a&b"})
    first = feed.connector(**options).poll(0.1)
    feed.answer({"data": {"items": [row(3)]}, "next": None})
    second = feed.connector(first.position, **options).poll(0.1)
    feed.answer({"data": {"items": [row(3), row(4)]}, "next": "c"})
    third = feed.connector(second.position, **options).poll(0.1)
    assert [keys(batch) for batch in (first, second, third)] == [[1, 2], [3], [4]]
    assert [path for path, *_ in feed.asked] == ["/feed", "/feed?cursor=a%26b", "/feed?cursor=a%26b"]
    assert {headers["Authorization"] for _, headers, _ in feed.asked} == {"Bearer secret"}


def test_the_cursor_of_the_last_item_goes_into_a_body(feed):
    options = {"method": "POST", "item_cursor": "/id", "cursor_body": "/after/id"}
    feed.answer([row(1), row(2)])
    batch = feed.connector(**options).poll(0.1)
    feed.answer([row(2), row(3)])
    with pytest.raises(Refused, match="CNR-322"):
        feed.connector(batch.position, **options).poll(0.1)
    assert json.loads(feed.asked[1][2]) == {"after": {"id": "2"}}


def test_links_are_followed_but_not_to_another_server(feed):
    feed.answer([row(1)], Link='<https://elsewhere.example/>; rel="prev", </feed?page=2>; rel="next"')
    connector = feed.connector(follow_links=True)
    assert keys(connector.poll(0.1)) == [1]
    feed.answer([row(2)], Link='<https://elsewhere.example/x>; rel="next"')
    with pytest.raises(Refused, match="another server"):
        connector.poll(0.1)
    assert feed.asked[1][0] == "/feed?page=2"


def test_an_unchanged_page_is_not_sent_again(feed):
    feed.answer([row(1)], ETag='"1"')
    connector = feed.connector(follow_links=True)
    connector.poll(0.1)
    for status, document in ((200, [row(1)]), (304, None)):
        feed.answer(document, status, ETag='"1"')
        assert connector.poll(0.1) is None
    assert [headers.get("If-None-Match") for _, headers, _ in feed.asked] == [None, None, '"1"']


def test_a_page_that_holds_other_items_than_were_read_is_refused(feed):
    feed.answer([row(1)])
    connector = feed.connector(follow_links=True)
    connector.poll(0.1)
    feed.answer([row(9), row(2)])
    with pytest.raises(Refused, match="CNR-322"):
        connector.poll(0.1)


def test_a_store_that_asks_for_patience_is_left_alone(feed):
    feed.answer(None, 429, Retry_After="3600")
    connector = feed.connector(follow_links=True, back_off_seconds_max=3600)
    with pytest.raises(Away):
        connector.poll(0.1)
    connector.open(None)
    assert connector.poll(0.02) is None
    assert len(feed.asked) == 1


@pytest.mark.parametrize(
    ("status", "document", "failure"),
    [
        (503, None, Away),
        (401, None, Unavailable),
        (302, None, Refused),
        (404, None, Refused),
        (200, {"no": "list"}, Refused),
        (200, ["x" * 2000], Refused),
    ],
)
def test_every_other_answer_has_its_failure(feed, status, document, failure):
    feed.answer(document, status, Location="/other")
    with pytest.raises(failure):
        feed.connector(follow_links=True, body_bytes_max=1024).poll(0.1)
    assert len(feed.asked) == 1


def test_items_say_what_happened_and_bad_ones_are_problems(feed):
    feed.answer(
        [{"op": "delete", "id": 1}, {"op": "c", **row(2)}, {"op": "?", **row(3)}, "text", {"op": "u", "id": "4"}]
    )
    batch = feed.connector(follow_links=True, operation="/op").poll(0.1)
    assert [change.op for change in batch.changes[:2]] == [Op.DELETE, Op.CREATE]
    assert [change.problem is None for change in batch.changes] == [True, True, False, False, False]
    assert [change.position.text for change in batch.changes][:2] == ["item:1", "item:2"]


# -- push ---------------------------------------------------------------------------------------------------------------


class Endpoint:
    def __init__(self, directory):
        self.directory = directory
        (directory / "token").write_text("right")
        self.connectors = []

    def open(self, position=None, **options):
        options = HttpPushOptions(listen="127.0.0.1:0", token_file=self.directory / "token", **options)
        found = HttpPushConnector("s", options, [ITEMS])
        found.open(position)
        self.connectors.append(found)
        return found

    def post(self, connector, document, key="k", token="right", path="/items", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", connector.port, timeout=10)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {}), **headers}
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture
def endpoint(tmp_path):
    found = Endpoint(tmp_path)
    with ThreadPoolExecutor(4) as found.pool:
        yield found
        for connector in found.connectors:
            connector.close()


def test_an_answer_comes_only_after_the_commit_and_is_repeated(endpoint):
    connector = endpoint.open()
    waiting = [endpoint.pool.submit(endpoint.post, connector, [row(1), {"id": "x"}]) for _ in range(2)]
    batch = connector.poll(5)
    assert [change.problem is None for change in batch.changes] == [True, False]
    assert connector.poll(0.05) is None
    assert not any(one.done() for one in waiting)
    connector.durable(batch.position)
    answer = (200, {"accepted": 1, "quarantined": 1})
    assert [one.result(5) for one in waiting] == [answer] * 2
    assert endpoint.post(connector, [row(1), {"id": "x"}]) == answer
    assert connector.poll(0) is None


def test_keys_are_known_over_a_restart_and_conflict_with_another_body(endpoint):
    connector = endpoint.open()
    waiting = endpoint.pool.submit(endpoint.post, connector, row(1))
    batch = connector.poll(5)  # committed, but the process dies before it answers
    connector.close()
    assert waiting.result(5)[0] == 503
    again = endpoint.open(batch.position)
    assert endpoint.post(again, row(1)) == (200, {"accepted": 1, "quarantined": 0})
    assert endpoint.post(again, row(2))[0] == 409
    assert again.poll(0) is None


def test_a_key_that_was_not_committed_is_written_when_it_is_sent_again(endpoint):
    connector = endpoint.open()
    waiting = endpoint.pool.submit(endpoint.post, connector, row(1))
    connector.poll(5)
    connector.open(None)
    assert waiting.result(5)[0] == 503
    endpoint.pool.submit(endpoint.post, connector, row(1))
    assert keys(connector.poll(5)) == [1]


def test_the_window_of_keys_is_bounded(endpoint):
    connector = endpoint.open(keys_kept=2)
    for number in range(3):
        waiting = endpoint.pool.submit(endpoint.post, connector, row(number), f"k{number}")
        batch = connector.poll(5)
        connector.durable(batch.position)
        assert waiting.result(5)[0] == 200
    assert len(json.loads(batch.position.text)["keys"]) == 2
    assert endpoint.post(connector, row(1), "k1")[0] == 200
    endpoint.pool.submit(endpoint.post, connector, row(0), "k0")
    assert keys(connector.poll(5)) == [0]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"token": "wrong"}, 401),
        ({"token": "rightly"}, 401),
        ({"key": None}, 400),
        ({"key": "k" * 256}, 400),
        ({"path": "/others"}, 404),
        ({"document": b"{"}, 400),
        ({"document": [row(1), row(2), row(3)]}, 413),
        ({"document": b"x" * 2000}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_what_is_wrong_with_a_request_is_said_and_nothing_is_written(endpoint, wrong, status):
    connector = endpoint.open(body_bytes_max=1024, items_max=2)
    assert endpoint.post(connector, **{"document": row(1), **wrong})[0] == status
    assert connector.poll(0) is None


def test_a_sender_is_told_to_ask_again_when_the_commit_takes_too_long(endpoint):
    connector = endpoint.open(wait_seconds=0.05)
    assert endpoint.post(connector, row(1))[0] == 503
    assert keys(connector.poll(5)) == [1]


def test_a_token_that_cannot_be_read_is_told_by_check_and_open(endpoint):
    (endpoint.directory / "token").write_text("")
    connector = HttpPushConnector("s", HttpPushOptions(token_file=endpoint.directory / "token"), [ITEMS])
    assert [fault.code.identifier for fault in connector.check().faults] == ["CNR-324"]
    with pytest.raises(Unavailable, match="CNR-324"):
        connector.open(None)


def test_a_malformed_position_is_refused(endpoint):
    with pytest.raises(Refused, match="CNR-025"):
        endpoint.open(Position("[]"))
