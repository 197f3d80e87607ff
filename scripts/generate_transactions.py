"""Write the card payments of examples/transactions: invented people, shops and thieves.

python scripts/generate_transactions.py [--customers 120] [--seed 2026] [--out examples/transactions/data]

Three kinds of theft, in the spirit of the simulator of "Reproducible Machine Learning for Credit Card Fraud Detection"
(Le Borgne et al., 2022): payments that are simply large; terminals that copy cards for some weeks; customers whose card
number is known to somebody, who spends a multiple, far from where they live. Who was robbed says so days later. The
same seed gives the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from draw import Draw

FIRST, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 90
END = FIRST + timedelta(days=DAYS)
TERMINALS = 100
SIDE = 100.0  # of the square that all live in, in kilometres
LARGE = 230.0
CATEGORIES = {"groceries": 40, "fuel": 20, "restaurant": 20, "electronics": 12, "travel": 8}
GIVEN = ("Ada", "Chidi", "Elif", "Fatou", "Grace", "Hana", "Ines", "Jonas", "Kofi", "Lena", "Mateo", "Noor", "Olga",
         "Priya", "Rafael", "Søren", "Tomoko", "Uri", "Wei", "Zoë")  # fmt: skip
FAMILY = ("Adeyemi", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jansen", "Kowalski",
          "Lund", "Müller", "Nguyen", "Okafor", "Popescu", "Rossi", "Singh", "Tran", "Weiss")  # fmt: skip


@dataclass(frozen=True)
class Customer:
    number: int
    x: float
    y: float
    usual: float  # what a payment of theirs usually is
    a_day: float  # how many there are


@dataclass(frozen=True)
class Terminal:
    number: int
    x: float
    y: float
    category: str


@dataclass(frozen=True)
class Payment:
    at: datetime
    customer: int
    terminal: int
    amount: float
    x: float
    y: float
    stolen: bool


def people(draw: Draw, count: int) -> list[Customer]:
    return [
        Customer(n, draw.whole(0, 1000) / 10, draw.whole(0, 1000) / 10, draw.whole(8, 60), draw.whole(3, 9) / 10)
        for n in range(1, count + 1)
    ]


def shops(draw: Draw) -> list[Terminal]:
    return [
        Terminal(n, draw.whole(0, 1000) / 10, draw.whole(0, 1000) / 10, draw.weighted(CATEGORIES))
        for n in range(1, TERMINALS + 1)
    ]


def held(draw: Draw, numbers: Sequence[int], one_in: int, days: int) -> dict[int, list[range]]:
    """Which of them are in wrong hands, and from which day to which: a new one about every `one_in` days."""
    found: dict[int, list[range]] = {}
    for day in range(DAYS):
        if draw.happens(1 / one_in):
            number = numbers[draw.whole(0, len(numbers) - 1)]
            found.setdefault(number, []).append(range(day, day + days))
    return found


def nearest(customer: Customer, terminals: Sequence[Terminal]) -> list[Terminal]:
    """Where somebody shops: the dozen that are closest."""
    return sorted(terminals, key=lambda t: math.hypot(t.x - customer.x, t.y - customer.y))[:12]


def payments(draw: Draw, customers: Sequence[Customer], terminals: Sequence[Terminal]) -> Iterator[Payment]:
    copied = held(draw, [t.number for t in terminals], 12, 21)
    known = held(draw, [c.number for c in customers], 2, 9)
    near = {c.number: nearest(c, terminals) for c in customers}
    for day in range(DAYS):
        for customer in customers:
            robbed = any(day in days for days in known.get(customer.number, ()))
            for _ in range(sum(draw.happens(customer.a_day / 3) for _ in range(3))):
                yield payment(draw, customer, near[customer.number], terminals, copied, day, robbed=robbed)


def payment(
    draw: Draw,
    customer: Customer,
    near: Sequence[Terminal],
    all_of_them: Sequence[Terminal],
    copied: dict[int, list[range]],
    day: int,
    *,
    robbed: bool,
) -> Payment:
    thief = robbed and draw.happens(0.5)
    where = all_of_them if thief else near
    terminal = where[draw.whole(0, len(where) - 1)]
    amount = max(1.0, draw.bell(customer.usual, customer.usual / 2))
    if terminal.category in ("electronics", "travel"):
        amount *= 3
    if thief:
        amount *= 4
    stolen = thief or amount > LARGE
    if any(day in days for days in copied.get(terminal.number, ())):
        stolen = stolen or draw.happens(0.6)
    night = thief and draw.happens(0.5)
    hour = draw.whole(0, 5) if night else min(23, max(6, round(draw.bell(14, 4))))
    at = FIRST + timedelta(days=day, hours=hour, minutes=draw.whole(0, 59), seconds=draw.whole(0, 59))
    off = 20.0 if thief and draw.happens(0.6) else 0.3  # of the device from the terminal
    x, y = terminal.x + draw.bell(0, off), terminal.y + draw.bell(0, off)
    return Payment(at, customer.number, terminal.number, round(amount, 2), round(x, 2), round(y, 2), stolen)


def table(header: str, rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows([_text(value) for value in row] for row in rows)
    return text.getvalue()


def _text(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


def registered(draw: Draw, customers: Sequence[Customer]) -> Iterator[tuple[object, ...]]:
    """What is known of a customer, from when on, and when it was written down; one in four moves house."""
    for c in customers:
        name = f"{GIVEN[draw.whole(0, len(GIVEN) - 1)]} {FAMILY[draw.whole(0, len(FAMILY) - 1)]}"
        limit = 250 * draw.whole(2, 12)
        yield c.number, FIRST - timedelta(days=30), FIRST - timedelta(days=30), name, c.x, c.y, limit
        if draw.happens(0.25):
            moved = FIRST + timedelta(days=draw.whole(10, DAYS - 20))
            x, y = round(c.x + draw.bell(0, 10), 1), round(c.y + draw.bell(0, 10), 1)
            yield c.number, moved, moved + timedelta(days=draw.whole(0, 6)), name, x, y, limit + 250


def files(customers: int, seed: int) -> dict[str, str]:
    """The text of every file, by its path. Payments and reports of fraud come in files of a month."""
    draw = Draw(seed)
    everybody, terminals = people(draw, customers), shops(draw)
    paid = sorted(payments(draw, everybody, terminals), key=lambda p: (p.at, p.customer))
    months: dict[str, list[Sequence[object]]] = {}
    reports: dict[str, list[tuple[datetime, int]]] = {}
    for number, p in enumerate(paid, 1):
        row = (number, p.at, p.customer, p.terminal, f"{p.amount:.2f}", p.x, p.y)
        months.setdefault(f"{p.at:%Y-%m}", []).append(row)
        if p.stolen:
            reported = p.at + timedelta(days=draw.whole(1, 9), minutes=draw.whole(0, 1439))
            if reported < END:  # what is reported later is not known yet
                reports.setdefault(f"{reported:%Y-%m}", []).append((reported, number))
    found = {
        "customers.csv": table(
            "customer_id valid_from recorded_at name home_x home_y credit_limit", registered(draw, everybody)
        ),
        "terminals.csv": table("terminal_id x y category", ((t.number, t.x, t.y, t.category) for t in terminals)),
    }
    header = "transaction_id paid_at customer_id terminal_id amount device_x device_y"
    found |= {f"transactions/{month}.csv": table(header, rows) for month, rows in months.items()}
    found |= {
        f"chargebacks/{month}.csv": table("transaction_id reported_at", ((n, at) for at, n in sorted(rows)))
        for month, rows in reports.items()
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the data of examples/transactions.")
    parser.add_argument("--customers", type=int, default=120)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, default=Path("examples/transactions/data"))
    options = parser.parse_args()
    for name, text in files(options.customers, options.seed).items():
        path = options.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
