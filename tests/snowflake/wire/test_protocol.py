"""The protocol itself: what clients send that the connector rarely does."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator

import httpx
import pytest

PASSWORD = "a-test-password"


@pytest.fixture
def client(server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as made:
        yield made


def log_in(client, **data):
    body = {"ACCOUNT_NAME": "TEST-PROTOCOL", "LOGIN_NAME": "admin", "PASSWORD": PASSWORD, **data}
    return client.post("/session/v1/login-request", json={"data": body}).json()


@pytest.fixture
def token(client) -> str:
    return log_in(client)["data"]["token"]


def query(client, token, text, request_id=None, **more):
    return client.post(
        "/queries/v1/query-request",
        params={"requestId": request_id or str(uuid.uuid4())},
        json={"sqlText": text, **more},
        headers={"Authorization": f'Snowflake Token="{token}"'},
    ).json()


def test_login_answers_tokens_and_session(client):
    found = log_in(client)
    assert found["success"]
    assert {"token", "masterToken", "sessionId", "parameters", "sessionInfo"} <= set(found["data"])
    assert found["data"]["sessionInfo"]["roleName"] == "ACCOUNTADMIN"


def test_unknown_authenticator_is_refused(client):
    assert log_in(client, AUTHENTICATOR="EXTERNALBROWSER")["code"] == "390101"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\x00"])
def test_a_body_that_is_no_object_is_an_error_not_a_crash(client, body):
    answer = client.post("/session/v1/login-request", content=body)
    assert answer.status_code == 200
    assert answer.json()["success"] is False


def test_an_unknown_token_needs_a_new_login(client):
    assert query(client, "nonsense", "select 1")["code"] == "390111"


def test_a_repeated_request_is_done_once(client, token):
    request_id = str(uuid.uuid4())
    query(client, token, "create database once", request_id)
    again = query(client, token, "create database once", request_id)
    assert again["success"]
    assert query(client, token, "create database once")["code"] == "002002"
    query(client, token, "drop database once")


def test_gzip_request(client, token):
    answer = client.post(
        "/queries/v1/query-request",
        params={"requestId": str(uuid.uuid4())},
        content=gzip.compress(json.dumps({"sqlText": "select 1 as a"}).encode()),
        headers={"Authorization": f'Snowflake Token="{token}"', "Content-Encoding": "gzip"},
    ).json()
    assert answer["data"]["rowtype"][0]["name"] == "A"


def test_renewal_ends_the_old_token(client):
    first = log_in(client)["data"]
    renewed = client.post(
        "/session/token-request",
        json={"oldSessionToken": first["token"], "requestType": "RENEW"},
        headers={"Authorization": f'Snowflake Token="{first["masterToken"]}"'},
    ).json()["data"]
    assert query(client, first["token"], "select 1")["code"] == "390111"
    assert query(client, renewed["sessionToken"], "select 1")["success"]


def test_heartbeat_and_end(client, token):
    headers = {"Authorization": f'Snowflake Token="{token}"'}
    assert client.post("/session/heartbeat", headers=headers).json()["success"]
    assert client.post("/session", params={"delete": "true"}, headers=headers).json()["success"]
    assert not client.post("/session/heartbeat", headers=headers).json()["success"]


def test_abort_by_request(client, token, server):
    import threading
    import time

    request_id, found = str(uuid.uuid4()), []
    text = "select count(*) from table(generator(rowcount => 3000000)) a, table(generator(rowcount => 3000000)) b"
    thread = threading.Thread(target=lambda: found.append(query(client, token, text, request_id)))
    thread.start()
    account = server.accounts.find("TEST-PROTOCOL")
    while not any(record.text == text for record in account.queries.running()):
        time.sleep(0.005)
    client.post(
        "/queries/v1/abort-request",
        json={"requestId": request_id},
        headers={"Authorization": f'Snowflake Token="{token}"'},
    )
    thread.join(timeout=120)
    assert found[0]["code"] == "000604"


def test_json_results_when_asked_for(client):
    data = log_in(client, CLIENT_APP_ID="Go", SESSION_PARAMETERS={"GO_QUERY_RESULT_FORMAT": "JSON"})["data"]
    text = "select 1, 'a', null, true, '1970-01-02'::date, '00:00:01.5'::time, '1970-01-01 00:00:01'::timestamp_ntz"
    answer = query(client, data["token"], text)["data"]
    assert answer["rowset"] == [["1", "a", None, "1", "1", "1.500000000", "1.000000000"]]
    query(client, data["token"], "alter session set go_query_result_format = 'ARROW'")
    assert query(client, data["token"], text)["data"]["queryResultFormat"] == "arrow"


def test_an_unknown_path_is_named(client):
    answer = client.get("/no/such/path")
    assert answer.status_code == 404
    assert "/no/such/path" in answer.json()["message"]
