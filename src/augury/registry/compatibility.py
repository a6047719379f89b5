"""Whether one version can answer in the place of another without a customer noticing."""

from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import InputField, Manifest


def differences(champion: Manifest, challenger: Manifest) -> list[str]:
    """Return what a row for the champion could miss in the challenger, in names of the manifest."""
    found = []
    theirs = {field.name: field for field in challenger.inputs}
    for field in champion.inputs:
        other = theirs.pop(field.name, None)
        if other is None or not _takes_all_of(field, other):
            found.append(f"inputs.{field.name}")
    # The champion's matrix is scored by both: they must have the same columns.
    found += [f"inputs.{name}" for name in theirs]
    if not found and [f.name for f in champion.inputs] != [f.name for f in challenger.inputs]:
        found.append("inputs")
    if (champion.runtime in DOCUMENTS or challenger.runtime in DOCUMENTS) and (
        champion.runtime != challenger.runtime
    ):
        found.append("runtime")
    if champion.outputs != challenger.outputs:
        found.append("outputs")
    if champion.decision is not None and challenger.decision is None:
        found.append("decision")
    if champion.explain is not None and challenger.explain is None:
        found.append("explain")
    return found


def _takes_all_of(field: InputField, other: InputField) -> bool:
    """Tell whether every value that is right for a field is right for the other."""
    kinds = {field.type, other.type}
    same_kind = field.type == other.type or (
        kinds == {"integer", "number"} and other.type == "number"
    )
    if not same_kind or (field.nullable and not other.nullable):
        return False
    if field.type == "category":
        # A category is its place in the list: new ones may only follow.
        known = field.categories or []
        return (other.categories or [])[: len(known)] == known
    low = other.minimum is None or (field.minimum is not None and field.minimum >= other.minimum)
    high = other.maximum is None or (field.maximum is not None and field.maximum <= other.maximum)
    return low and high
