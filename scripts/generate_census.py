"""Write the small census of example_project: invented people, with the columns and the dirt of the well-known real one.

python scripts/generate_census.py [--rows 6000] [--seed 1994] [--out example_project/data/census.csv]

The same seed gives the same bytes on every machine. No row describes a real person.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
from pathlib import Path

from draw import Draw

HEADER = (
    "age", "workclass", "fnlwgt", "education", "education.num", "marital.status", "occupation", "relationship", "race",
    "sex", "capital.gain", "capital.loss", "hours.per.week", "native.country", "income",
)  # fmt: skip
EDUCATION = (
    "Preschool", "1st-4th", "5th-6th", "7th-8th", "9th", "10th", "11th", "12th", "HS-grad", "Some-college",
    "Assoc-voc", "Assoc-acdm", "Bachelors", "Masters", "Prof-school", "Doctorate",
)  # fmt: skip
EDUCATION_WEIGHTS = (2, 5, 10, 20, 16, 29, 36, 13, 322, 224, 43, 33, 165, 53, 18, 13)
WORKCLASS = {
    "Private": 697, "Self-emp-not-inc": 78, "Local-gov": 64, "State-gov": 40, "Self-emp-inc": 34, "Federal-gov": 29,
    "Without-pay": 1, "?": 57,
}  # fmt: skip
RACE = {"White": 854, "Black": 96, "Asian-Pac-Islander": 32, "Amer-Indian-Eskimo": 10, "Other": 8}
COUNTRY = {"United-States": 896, "Mexico": 30, "Philippines": 14, "Germany": 12, "Canada": 11, "India": 10,
           "England": 9, "?": 18}  # fmt: skip
MANUAL = {"Craft-repair": 41, "Machine-op-inspct": 20, "Other-service": 33, "Transport-moving": 16,
          "Handlers-cleaners": 14, "Adm-clerical": 30, "Sales": 26, "Farming-fishing": 10}  # fmt: skip
OFFICE = {"Prof-specialty": 41, "Exec-managerial": 36, "Sales": 18, "Adm-clerical": 18, "Tech-support": 8,
          "Craft-repair": 6, "Protective-serv": 5}  # fmt: skip
GAINS = (594, 2174, 3103, 3325, 4064, 4386, 5013, 5178, 7298, 7688, 8614, 10520, 15024, 27828, 99999)
LOSSES = (1340, 1485, 1590, 1672, 1740, 1848, 1887, 1902, 1977, 2258, 2415)
DUPLICATES = 0.005
Row = tuple[int | str, ...]


def clip(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))


def capital(draw: Draw) -> tuple[int, int]:
    """Gain and loss: both mostly 0, never both above."""
    if draw.happens(0.085):
        return GAINS[draw.whole(0, len(GAINS) - 1)], 0
    if draw.happens(0.05):
        return 0, LOSSES[draw.whole(0, len(LOSSES) - 1)]
    return 0, 0


def is_married(draw: Draw, age: int) -> bool:
    return draw.happens(0.06 if age < 23 else 0.35 if age < 30 else 0.58)


def household(draw: Draw, *, age: int, male: bool, married: bool) -> tuple[str, str]:
    """Marital status and relationship."""
    if married:
        return "Married-civ-spouse", "Husband" if male else "Wife"
    if age < 30:
        return "Never-married", "Own-child" if draw.happens(0.5) else "Not-in-family"
    status = draw.weighted({"Never-married": 45, "Divorced": 38, "Separated": 9, "Widowed": 8})
    return status, "Unmarried" if draw.happens(0.35) else "Not-in-family"


def earns_much(draw: Draw, *, age: int, school: int, hours: int, married: bool, gain: int, loss: int) -> bool:
    """More than 50K? Not linear in anything: what peaks or jumps, a tree can follow and a straight line cannot."""
    if gain > 7000:
        return draw.happens(0.985)
    if 0 < gain < 5000:
        return draw.happens(0.04)
    score = -2.4 + 0.5 * max(0, school - 8) + 1.2 * married - 0.004 * (age - 45) ** 2 + 0.06 * (min(hours, 55) - 40)
    if loss:
        score += 2.5 if 1800 < loss < 2000 else -0.5
    return draw.happens(1 / (1 + math.exp(-1.45 * score)))


def person(draw: Draw) -> Row:
    male = draw.happens(0.67)
    age = clip(17 + abs(draw.bell(16, 18)), 17, 90)
    school = draw.index(EDUCATION_WEIGHTS) + 1
    if age < 22:
        school = min(school, 10)
    married = is_married(draw, age) if male else draw.happens(0.2)
    workclass = draw.weighted(WORKCLASS)
    occupation = "?" if workclass == "?" else draw.weighted(OFFICE if school > 10 else MANUAL)
    usual = draw.happens(0.46)
    hours = 40 if usual else clip(draw.bell(43 if male else 36, 13) + (4 if "Self" in workclass else 0), 1, 99)
    gain, loss = capital(draw)
    weight = clip(math.exp(draw.bell(12.0, 0.55)), 12285, 1484705)
    much = earns_much(draw, age=age, school=school, hours=hours, married=married, gain=gain, loss=loss)
    status, relationship = household(draw, age=age, male=male, married=married)
    return (
        age, workclass, weight, EDUCATION[school - 1], school, status, occupation, relationship, draw.weighted(RACE),
        "Male" if male else "Female", gain, loss, hours, draw.weighted(COUNTRY), ">50K" if much else "<=50K",
    )  # fmt: skip


def census(rows: int, seed: int) -> str:
    """The file's text: `rows` rows under `HEADER`, a few of them written twice."""
    draw = Draw(seed)
    people: list[Row] = []
    while len(people) < rows:
        repeat = people and draw.happens(DUPLICATES)
        people.append(people[draw.whole(0, len(people) - 1)] if repeat else person(draw))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(people)
    return out.getvalue()


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Write the example's census.")
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1994)
    parser.add_argument("--out", type=Path, default=root / "example_project" / "data" / "census.csv")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(census(options.rows, options.seed), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
