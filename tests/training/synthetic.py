"""Made-up applications in the form of the public CSV, with its traps; no real row is among them."""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS, COPIES, IMPOSSIBLE = 2500, 40, 3


def table(seed: int = 0) -> pd.DataFrame:
    """Return `ROWS` possible rows, then impossible ones, then copies of the first rows."""
    rng = np.random.default_rng(seed)
    income = np.exp(rng.normal(10.8, 0.5, ROWS)).round()
    amount = rng.integers(10, 350, ROWS) * 100
    share = (amount / income).round(2)
    grade = rng.choice(7, ROWS, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02])
    rate = (6 + 2.2 * grade + rng.normal(0, 1, ROWS)).clip(5.4).round(2)
    score = -3.2 + 4 * share + 0.5 * grade + 0.1 * (rate - 10) - 0.9 * (np.log(income) - 10.8)
    age = rng.integers(20, 70, ROWS).astype(float)
    rows = pd.DataFrame(
        {
            "person_age": age,
            "person_income": income,
            "person_home_ownership": rng.choice(["RENT", "OWN", "MORTGAGE", "OTHER"], ROWS),
            "person_emp_length": (rng.random(ROWS) * (age - 18)).round(),
            "loan_intent": rng.choice(
                [
                    *("PERSONAL", "EDUCATION", "MEDICAL"),
                    *("VENTURE", "HOMEIMPROVEMENT", "DEBTCONSOLIDATION"),
                ],
                ROWS,
            ),
            "loan_grade": np.array(list("ABCDEFG"))[grade],
            "loan_amnt": amount,
            "loan_int_rate": rate,
            "loan_status": (rng.random(ROWS) < 1 / (1 + np.exp(-score))).astype(int),
            "loan_percent_income": share,
            "cb_person_default_on_file": rng.choice(["Y", "N"], ROWS),
            "cb_person_cred_hist_length": rng.integers(2, 30, ROWS),
        }
    )
    for column in ("person_age", "person_income", "person_emp_length", "loan_int_rate"):
        rows.loc[rng.random(ROWS) < 0.05, column] = np.nan
    impossible = rows.iloc[:IMPOSSIBLE].copy()
    impossible["person_age"] = [144.0, 123.0, 22.0]
    impossible["person_emp_length"] = [4.0, 2.0, 123.0]
    return pd.concat([rows, impossible, rows.iloc[:COPIES]], ignore_index=True)


def write(path: Path, seed: int = 0) -> Path:
    """Write the table as a CSV file and return its path."""
    table(seed).to_csv(path, index=False)
    return path
