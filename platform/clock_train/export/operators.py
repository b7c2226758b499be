"""Which operators an exported graph may hold: those that ONNX Runtime has in a browser too.

Its WebAssembly build has the standard operators of opset 17 and none of ONNX Runtime's own domain in every build; so a
graph stays in ``ai.onnx``, and in the short list that the models need. ``tests/export`` runs the graph in WebAssembly,
which is the proof; this list says at the export which layer broke it.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from clock_train.errors import BundleOperatorForeign

OPSET = 17
PORTABLE = frozenset(
    {
        *(
            "Add",
            "And",
            "Cast",
            "Ceil",
            "Clip",
            "Concat",
            "Constant",
            "ConstantOfShape",
            "Conv",
            "ConvTranspose",
            "Cos",
        ),
        *("CumSum", "DequantizeLinear", "Div", "Equal", "Exp", "Expand", "Flatten", "Gather", "Gemm", "Greater"),
        *(
            "GreaterOrEqual",
            "Identity",
            "LayerNormalization",
            "Less",
            "LessOrEqual",
            "Log",
            "MatMul",
            "Max",
            "Min",
            "Mul",
        ),
        *("Neg", "Not", "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal", "ReduceMean", "ReduceSum", "Relu"),
        *("Reshape", "Shape", "Sigmoid", "Sin", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh"),
        *("Transpose", "Unsqueeze", "Where"),
    }
)


def operators_of(graph: onnx.GraphProto) -> set[str]:
    """Operators of a graph, of those inside its branches too; of another domain as ``domain.Name``."""
    found: set[str] = set()
    for node in graph.node:
        found.add(f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found |= operators_of(attribute.g)
    return found


def check_portable(path: Path) -> None:
    """Refuse a graph that a browser could not run.

    Raises:
        BundleOperatorForeign: it holds another operator, or is of another opset.
    """
    model = onnx.load(path, load_external_data=False)
    foreign = operators_of(model.graph) - PORTABLE
    used = operators_of(model.graph)
    opset = {item.domain: item.version for item in model.opset_import}
    if foreign or opset.get("", OPSET) != OPSET:
        raise BundleOperatorForeign(
            f"{path.name} uses {', '.join(sorted(foreign)) or f'opset {opset}'}, which ONNX Runtime in a browser may "
            f"lack; write the layer with other operators (it has {len(used)} kinds now)"
        )
