"""The rows with which an artefact proves itself at every load: made up, never taken from data."""

from augury.training.credit.fields import FIELDS

Row = dict[str, float | str | None]


def rows() -> list[Row]:
    """Return 17 valid rows: typical ones, every category, all edges, and missing values."""
    example: Row = {field.name: field.example for field in FIELDS}
    nullable = [field.name for field in FIELDS if field.nullable]
    lowest = {field.name: _whole(field.minimum) for field in FIELDS if field.minimum is not None}
    highest = {field.name: _whole(field.maximum) for field in FIELDS if field.maximum is not None}
    found = [
        example,
        example | dict.fromkeys(nullable),
        example | lowest,
        example | highest,
        example | lowest | {"loan_grade": "G", "cb_person_default_on_file": "Y"},
    ]
    found += [example | {name: None} for name in nullable]
    # One row for each place in the longest list of categories, from a safe to a risky applicant.
    most = max(len(field.categories or ()) for field in FIELDS)
    for step in range(most):
        categories: Row = {
            field.name: field.categories[step % len(field.categories)]
            for field in FIELDS
            if field.categories
        }
        income, amount = 120_000 - 15_000 * step, 4_000 + 2_500 * step
        found.append(
            example
            | categories
            | {
                "person_age": 58 - 6 * step,
                "person_income": income,
                "person_emp_length": 12.5 - 2 * step,
                "loan_amnt": amount,
                "loan_int_rate": 6.03 + 2.4 * step,
                "loan_percent_income": round(amount / income, 2),
                "cb_person_cred_hist_length": 20 - 3 * step,
            }
        )
    return [*found, found[-1] | dict.fromkeys(nullable)]


def _whole(limit: float) -> float:
    return int(limit) if limit == int(limit) else limit
