"""Small definitions of SageMaker Pipelines, good and bad."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def step(name: str, type: str = "Fail", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": type, "Arguments": {}, **more}


def of(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Parameters": [], "Steps": list(steps), **more}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "Steps.a.x", "Parameters.P", "Fail"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Name", "Type", "Arguments", "DependsOn", "Get", "IfSteps", "Steps", "Version", "Parameters"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
