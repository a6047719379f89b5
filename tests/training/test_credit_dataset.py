"""Reading and cleaning the public credit data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augury.training.credit.dataset import TARGET, WrongFileError, read
from augury.training.credit.fields import NAMES, place
from training import synthetic


def test_copies_are_dropped_before_anything_is_split(tmp_path: Path) -> None:
    """No two rows of the cleaned data are equal, so none can be in both parts of a split."""
    data = read(synthetic.write(tmp_path / "credit.csv"))
    assert data.duplicates == synthetic.COPIES
    rows = np.column_stack([data.matrix, data.target])
    assert len(pd.DataFrame(rows).drop_duplicates()) == len(rows)


def test_impossible_people_are_dropped_and_missing_values_are_kept(tmp_path: Path) -> None:
    """Ages over 100 and employment longer than life leave the data, missing values stay as NaN."""
    data = read(synthetic.write(tmp_path / "credit.csv"))
    assert data.impossible == synthetic.IMPOSSIBLE
    assert len(data.target) == synthetic.ROWS
    assert np.nanmax(data.matrix[:, place("person_age")]) <= 100
    assert np.isnan(data.matrix[:, place("loan_int_rate")]).any()


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    """The matrix is the same whatever the order of the file's columns, and ignores further ones."""
    table = synthetic.table()
    table.to_csv(tmp_path / "one.csv", index=False)
    table[sorted(table.columns)].assign(further=1).to_csv(tmp_path / "other.csv", index=False)
    one, other = read(tmp_path / "one.csv"), read(tmp_path / "other.csv")
    np.testing.assert_array_equal(one.matrix, other.matrix)
    assert one.matrix.shape == (synthetic.ROWS, len(NAMES))


def _spoilt(column: str, value: object) -> pd.DataFrame:
    table = synthetic.table().astype(object)
    table.loc[7, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (synthetic.table().drop(columns=["loan_grade", TARGET]), "lacks the columns loan_grade"),
        (_spoilt("loan_grade", "Z"), "unknown values: Z"),
        (_spoilt("loan_amnt", "much"), "loan_amnt holds something that is not a number"),
        (_spoilt("loan_amnt", None), "loan_amnt has missing values"),
        (_spoilt(TARGET, 2), "0 (repaid) or 1 (defaulted)"),
        (synthetic.table().head(100), "at least 500 rows"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, table: pd.DataFrame, told: str) -> None:
    """A file that is not the expected data is refused with a sentence that names what is wrong."""
    table.to_csv(tmp_path / "wrong.csv", index=False)
    with pytest.raises(WrongFileError) as refused:
        read(tmp_path / "wrong.csv")
    assert told in str(refused.value)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """Neither an absent file nor one of bytes ends in a traceback of a library."""
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x00\xff")
    for name in ("picture.csv", "absent.csv"):
        with pytest.raises(WrongFileError):
            read(tmp_path / name)
