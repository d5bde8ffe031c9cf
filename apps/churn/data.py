"""The real purchase log that the example learns from: CDNOW, 1997 to 1998, as the package `lifetimes` ships it."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

_FILE = "CDNOW_sample.txt"


def purchases_file() -> Path:
    """The log of 2,357 customers: fixed columns of customer ids, date, number of CDs, and dollars."""
    try:
        shipped = files("lifetimes") or []
    except PackageNotFoundError:
        raise SystemExit("the data set is missing: run `make` once, it installs requirements/data.txt") from None
    for item in shipped:
        if item.name == _FILE:
            return Path(str(item.locate()))
    raise SystemExit(f"the package lifetimes no longer ships {_FILE}")


def write_csv(target: Path, *, until: str = "9999-12-31") -> int:
    """The log up to a day as customer_id, date, quantity, amount; returns the number of purchases."""
    rows = [line.split() for line in purchases_file().read_text().splitlines() if line.strip()]
    dated = [(who, f"{day[:4]}-{day[4:6]}-{day[6:]}", quantity, amount) for _, who, day, quantity, amount in rows]
    lines = [",".join(purchase) for purchase in dated if purchase[1] <= until]
    target.write_text("\n".join(["customer_id,date,quantity,amount", *lines]) + "\n")
    return len(lines)
