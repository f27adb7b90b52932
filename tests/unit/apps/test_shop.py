"""The bundled shop: its own tests, and the program with a real PostgreSQL."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kindgate.assets import manifests
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.unit.apps.shop_program import SECONDS, Shop, compiled_shop, running_database, running_shop

SERVER = manifests() / "apps" / "shop" / "server"

pytestmark = [
    pytest.mark.skipif(shutil.which("go") is None, reason="Go is not on PATH, and the shop is compiled with it"),
    pytest.mark.skipif(shutil.which("postgres") is None, reason="PostgreSQL is not on PATH"),
]


@pytest.fixture(scope="module", name="program")
def _program() -> Path:
    return compiled_shop()


@pytest.fixture(scope="module", name="database")
def _database() -> Iterator[Mapping[str, str]]:
    with running_database() as database:
        yield database


@pytest.fixture(scope="module", name="running")
def _running(program: Path, database: Mapping[str, str]) -> Iterator[Shop]:
    with running_shop(program, database) as shop:
        yield shop


@pytest.fixture(name="shop")
def _shop(running: Shop) -> Shop:
    """A shop in which the first user is logged in."""
    running.session.headers.pop("Authorization", None)
    running.log_in()
    return running


def purchase(shop: Shop, request_id: str) -> int:
    """Order two products; return the order's number."""
    cart = shop.post("/carts", {"items": [{"product_id": 7, "quantity": 2}, {"product_id": 8, "quantity": 1}]}).json()
    order = shop.post("/checkout", {"request_id": request_id, "cart_id": cart["id"]})
    assert order.status_code == 201, order.text
    number: int = order.json()["id"]
    return number


def test_the_servers_own_tests_pass() -> None:
    """Parts without a database are tested in Go, and its checker finds nothing."""
    for command in (["go", "vet", "."], ["go", "test", "."]):
        result = subprocess.run(command, cwd=SERVER, capture_output=True, text=True, timeout=600, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_a_purchase_becomes_one_order_with_the_carts_total(shop: Shop) -> None:
    """Prices come from the catalog, and the cart and the order agree."""
    prices = {number: shop.get(f"/products/{number}").json()["price_cents"] for number in (7, 8)}
    items = [{"product_id": 7, "quantity": 2}, {"product_id": 8, "quantity": 1}]

    cart = shop.post("/carts", {"items": items})
    order = shop.post("/checkout", {"request_id": "purchase", "cart_id": cart.json()["id"]})

    assert (cart.status_code, order.status_code) == (201, 201)
    assert cart.json()["total_cents"] == order.json()["total_cents"] == 2 * prices[7] + prices[8]
    assert shop.get(f"/carts/{cart.json()['id']}").json() == cart.json()
    assert shop.get("/orders", params={"prefix": "purchase"}).json() == {"orders": [order.json()]}


def test_repeated_checkouts_are_counted_under_their_request_id(shop: Shop) -> None:
    """A test finds lost and repeated requests by the counts; characters of patterns in a prefix mean themselves."""
    for request_id in ("run%1-a", "run%1-b", "run%1-b", "run-1-c"):
        purchase(shop, request_id)

    count = shop.get("/orders/count", params={"prefix": "run%1-"}).json()

    assert count == {"orders": 3, "request_ids": 2, "repeated": ["run%1-b"]}
    assert shop.get("/orders/count", params={"prefix": "nothing"}).json() == {"orders": 0, "request_ids": 0, "repeated": []}


def test_orders_are_listed_in_pages(shop: Shop) -> None:
    """The last order's number continues the list."""
    numbers = [purchase(shop, "page") for _ in range(3)]

    first = shop.get("/orders", params={"prefix": "page", "limit": 2}).json()["orders"]
    rest = shop.get("/orders", params={"prefix": "page", "after": first[-1]["id"]}).json()["orders"]

    assert [order["id"] for order in (*first, *rest)] == numbers


def test_items_can_be_ordered_without_a_cart(shop: Shop) -> None:
    """A route of its own can check out without an earlier step."""
    order = shop.post("/checkout", {"request_id": "direct", "items": [{"product_id": 1, "quantity": 3}]})

    assert order.json()["total_cents"] == 3 * shop.get("/products/1").json()["price_cents"]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"product_id": 501, "quantity": 1}],
        [{"product_id": 1, "quantity": 1}, {"product_id": 501, "quantity": 1}],
        [{"product_id": 1, "quantity": 0}],
        [{"product_id": 1, "quantity": 1}, {"product_id": 1, "quantity": 2}],
        [{"product_id": 2**40, "quantity": 1}],
    ],
)
def test_impossible_items_are_refused_and_nothing_is_written(shop: Shop, items: list[dict[str, int]]) -> None:
    """Neither a cart nor an order is made of them."""
    before = shop.get("/orders/count").json()

    answers = [shop.post("/carts", {"items": items}), shop.post("/checkout", {"request_id": "impossible", "items": items})]

    assert [answer.status_code for answer in answers] == [422, 422], [answer.text for answer in answers]
    assert shop.get("/orders/count").json() == before


def test_a_cart_belongs_to_its_user(shop: Shop) -> None:
    """Another user neither sees nor orders it."""
    cart = shop.post("/carts", {"items": [{"product_id": 7, "quantity": 1}]}).json()["id"]
    shop.log_in(2)

    assert shop.get(f"/carts/{cart}").status_code == 404
    assert shop.post("/checkout", {"request_id": "stolen", "cart_id": cart}).status_code == 404


def test_a_wrong_password_gets_no_token(shop: Shop) -> None:
    """An unknown user and a wrong password get the same answer."""
    unknown = shop.post("/login", {"email": "nobody@shop.example", "password": "password-001"})
    wrong = shop.post("/login", {"email": "user-001@shop.example", "password": "password-002"})

    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json() == wrong.json()


def test_the_last_user_of_the_file_can_log_in(shop: Shop) -> None:
    """The workload's file and the database have the same users."""
    email, password = (manifests() / "apps" / "shop" / "users.csv").read_text().splitlines()[-1].split(",")

    assert shop.post("/login", {"email": email, "password": password}).status_code == 200


def test_products_are_listed_in_pages_and_searched(shop: Shop) -> None:
    """Lists and searches have no descriptions; the product itself does."""
    listed = shop.get("/products", params={"after": 490, "limit": 100}).json()["products"]
    found = shop.get("/search", params={"q": "green lamp"}).json()["products"]

    assert [product["id"] for product in listed] == list(range(491, 501))
    assert found
    assert all({"green", "lamp"} <= set(product["name"].split()) for product in found)
    assert all(set(product) == {"id", "name", "category", "price_cents"} for product in (*listed, *found))
    assert shop.get(f"/products/{found[0]['id']}").json()["description"]
    assert {product["category"] for product in shop.get("/products?category=camp").json()["products"]} == {"camp"}


def test_an_unknown_product_is_not_found(shop: Shop) -> None:
    """The answer has the API's form."""
    answer = shop.get("/products/501")

    assert (answer.status_code, answer.json()) == (404, {"error": "not found"})


def test_the_report_takes_its_time(shop: Shop) -> None:
    """Tests rely on answers that are under way for 300 ms."""
    answer = shop.get("/report")

    assert answer.elapsed.total_seconds() >= 0.3
    assert sum(row["products"] for row in answer.json()["categories"]) == 500


def test_replicas_that_start_together_share_one_database(program: Path, database: Mapping[str, str]) -> None:
    """Each creates the tables if they are missing, and a token of one is accepted by the other."""
    with running_shop(program, database) as first, running_shop(program, database) as second:
        first.log_in()
        second.session.headers = first.session.headers

        assert second.post("/carts", {"items": [{"product_id": 1, "quantity": 1}]}).status_code == 201


def test_a_shop_without_a_database_waits_for_it(program: Path) -> None:
    """It is live and not ready, and says why."""
    with running_shop(program, {"PGHOST": "127.0.0.1", "PGPORT": "1"}, until_ready=False) as shop:
        assert shop.get("/readyz").status_code == 503
        assert shop.get("/products").status_code == 503
        assert shop.process.stderr is not None
        assert "waiting for the database" in shop.process.stderr.readline()
        assert shop.get("/livez").status_code == 200


def test_a_shop_outlives_its_database(program: Path) -> None:
    """It stays ready, as another replica would fare no better, and its answers name the cause."""
    with running_database() as database:
        running = running_shop(program, database)
        shop = running.__enter__()
    try:
        answer = shop.get("/products")

        assert (answer.status_code, answer.json()) == (503, {"error": "the database is not available"})
        assert shop.get("/readyz").status_code == 200
    finally:
        running.__exit__(None, None, None)


def test_startup_takes_the_configured_time(program: Path, database: Mapping[str, str]) -> None:
    """Until then the shop is not ready, even with a database."""
    started = time.monotonic()

    with running_shop(program, database, SHOP_STARTUP="700ms"):
        assert time.monotonic() - started >= 0.7


def test_a_stopped_shop_drains(program: Path, database: Mapping[str, str]) -> None:
    """After SIGTERM it is not ready but serves, and an answer under way arrives before it ends with code 0."""
    statuses: list[int] = []
    with running_shop(program, database, SHOP_DRAIN="500ms") as shop:
        under_way = threading.Thread(target=lambda: statuses.append(shop.get("/report").status_code))

        shop.process.send_signal(signal.SIGTERM)
        wait_for("draining", lambda: Pending("ready") if shop.get("/readyz").ok else Ready(None), Deadline.after(SECONDS), interval=0.02)
        under_way.start()

        assert shop.get("/products/1").headers["Connection"] == "close"
        under_way.join(SECONDS)
        assert statuses == [200]
        assert shop.process.wait(SECONDS) == 0


def test_planted_differences_reach_the_answers(program: Path, database: Mapping[str, str]) -> None:
    """A delay and a renamed field concern their route only."""
    with running_shop(program, database, SHOP_DELAY="search:100ms", SHOP_RENAME="detail:price_cents:price") as shop:
        assert shop.get("/search?q=lamp").elapsed.total_seconds() >= 0.1
        assert "price" in shop.get("/products/1").json()
        assert "price_cents" in shop.get("/products?limit=1").json()["products"][0]


@pytest.mark.parametrize(("name", "value"), [("SHOP_TOKEN_KEY", "short"), ("SHOP_CPU", "serach:1ms"), ("PGPORT", "x")])
def test_a_setting_that_cannot_be_read_ends_the_server(program: Path, name: str, value: str) -> None:
    """The log names it; a server with other settings than intended would be judged wrongly."""
    environment = {"SHOP_ADDRESS": "127.0.0.1:0", "SHOP_TOKEN_KEY": "a key for unit tests", name: value}

    ended = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)

    assert ended.returncode == 1
    assert name in ended.stderr or "port" in ended.stderr
