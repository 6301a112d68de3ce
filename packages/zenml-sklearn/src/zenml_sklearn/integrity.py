"""Integrity: refuse loaded trees whose indices point outside of them.

scikit-learn's compiled code follows the indices in its trees without looking, so that a damaged or hostile file of
nothing but trusted types could still crash the process, or make it loop, when the model predicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def broken(model: Any) -> str:
    """Return what is wrong with the trees inside a loaded estimator, or an empty string."""
    for item, width in _walk(model):
        name = type(item).__name__
        if name in _CHECKS and not _CHECKS[name](item, width):
            return f"a {name} in it points outside of itself"
    return ""


def _walk(model: Any) -> Iterator[tuple[Any, int]]:
    """Yield every object inside a model once, with the number of features of the estimator that holds it."""
    seen: set[int] = set()
    stack: list[tuple[Any, int]] = [(model, 0)]
    while stack:
        item, width = stack.pop()
        if isinstance(item, str | bytes | int | float | None) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item, width
        if isinstance(item, dict):
            stack += [(value, width) for value in item.values()]
        elif isinstance(item, list | tuple | set) or (isinstance(item, np.ndarray) and item.dtype == object):
            stack += [(value, width) for value in (item.flat if isinstance(item, np.ndarray) else item)]
        elif hasattr(item, "__dict__") and not isinstance(item, type):
            own = vars(item).get("n_features_in_", width)
            stack += [(value, own if isinstance(own, int) else width) for value in vars(item).values()]


def _children_follow(left: npt.NDArray[Any], right: npt.NDArray[Any], inner: npt.NDArray[np.bool_]) -> bool:
    """Say whether children come after their parents and exist, so that every way down ends at a leaf."""
    position = np.arange(len(inner))[inner]
    return all(
        bool((child[inner] > position).all() and (child[inner] < len(inner)).all())
        for child in (left.astype(np.int64), right.astype(np.int64))
    )


def _tree(tree: Any, width: int) -> bool:
    nodes = tree.__getstate__()["nodes"]
    inner = nodes["left_child"] != -1
    features = nodes["feature"][inner]
    inside = bool(((features >= 0) & (features < min(width, tree.n_features))).all())
    return len(nodes) > 0 and inside and _children_follow(nodes["left_child"], nodes["right_child"], inner)


def _boosted_tree(tree: Any, width: int) -> bool:
    nodes = tree.nodes
    inner = nodes["is_leaf"] == 0
    features, sets = nodes["feature_idx"][inner], nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    inside = bool(((features >= 0) & (features < width)).all())
    known = min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets))
    return (
        len(nodes) > 0
        and inside
        and bool((sets < known).all())
        and _children_follow(nodes["left"], nodes["right"], inner)
    )


def _neighbour_tree(tree: Any, width: int) -> bool:  # noqa: ARG001 - all checks are called alike
    data, indices, nodes, bounds = (np.asarray(part) for part in tree.__getstate__()[:4])
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    inside = bool(((indices >= 0) & (indices < len(data))).all() and len(indices) == len(data))
    spans = bool(((starts >= 0) & (starts <= ends) & (ends <= len(data))).all())
    count, leaves = len(nodes), nodes["is_leaf"] != 0
    ends_at_leaves = bool((leaves | (2 * np.arange(count) + 2 < count)).all())
    return data.ndim == 2 and bounds.shape[1:] == (count, data.shape[1]) and inside and spans and ends_at_leaves


_CHECKS = {
    "Tree": _tree,
    "TreePredictor": _boosted_tree,
    "KDTree": _neighbour_tree,
    "BallTree": _neighbour_tree,
}
