"""What Streamlit executes at every run; kept tiny because it is compiled afresh for each."""

from augury.ui import cabinet

cabinet.show()
