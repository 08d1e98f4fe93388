"""A ViT as an ONNX graph, for ONNX Runtime: what exporters write, or with its fused operators.

  plain   LayerNormalization, MatMul, Softmax, Gelu, as an export of PyTorch code has them; ONNX Runtime's own
          optimiser joins what it can
  fused   attention as com.microsoft::MultiHeadAttention, residuals as SkipLayerNormalization, one product for
          queries, keys and values: what its tools for transformers make of the plain one
"""
import dataclasses

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclasses.dataclass
class Sizes:
    width: int
    heads: int
    mlp: int
    layers: int = 12
    image: int = 224
    patch: int = 16
    classes: int = 1000  # 0: DINOv2, with a scale of each branch and all tokens as output

    @property
    def tokens(self):
        return (self.image // self.patch) ** 2 + 1


SIZES = {"vit-s16": Sizes(384, 6, 1536), "vit-b16": Sizes(768, 12, 3072),
         "dinov2-s14-518": Sizes(384, 6, 1536, image=518, patch=14, classes=0)}


class Graph:
    """Nodes and weights. Weights are random: speed does not depend on them."""

    def __init__(self, sizes, fused):
        self.sizes, self.fused = sizes, fused
        self.nodes, self.weights = [], []
        self.random = numpy.random.default_rng(1)
        self.number = 0

    def weight(self, *shape, scale=0.02):
        self.number += 1
        name = f"w{self.number}"
        values = (self.random.standard_normal(shape, dtype=numpy.float32) * scale).astype(numpy.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def constant(self, values):
        self.number += 1
        self.weights.append(numpy_helper.from_array(numpy.asarray(values, numpy.int64), f"c{self.number}"))
        return f"c{self.number}"

    def op(self, kind, *inputs, outputs=1, **attributes):
        self.number += 1
        names = [f"t{self.number}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x, k, n):
        return self.op("Add", self.op("MatMul", x, self.weight(k, n)), self.weight(n))

    def norm_of_sum(self, x, y):
        """The sum and its norm."""
        width = self.sizes.width
        if self.fused:
            normed, _, _, total = self.op("SkipLayerNormalization", x, y, self.weight(width), self.weight(width),
                                          outputs=4, domain="com.microsoft", epsilon=1e-12)
            return total, normed
        total = self.op("Add", x, y)
        return total, self.norm(total)

    def norm(self, x):
        width = self.sizes.width
        return self.op("LayerNormalization", x, self.weight(width), self.weight(width), epsilon=1e-12)

    def attention(self, x):
        s = self.sizes
        head = s.width // s.heads
        if self.fused:
            packed = self.op("MatMul", x, self.weight(s.width, 3 * s.width))
            q, k, v = self.op("Split", packed, outputs=3, axis=2, num_outputs=3)
            y = self.op("MultiHeadAttention", q, k, v, self.weight(3 * s.width), domain="com.microsoft",
                        num_heads=s.heads)
        else:
            split = self.constant([0, s.tokens, s.heads, head])
            q, k, v = (self.op("Reshape", self.linear(x, s.width, s.width), split) for _ in range(3))
            q = self.op("Transpose", q, perm=[0, 2, 1, 3])
            k = self.op("Transpose", k, perm=[0, 2, 3, 1])
            v = self.op("Transpose", v, perm=[0, 2, 1, 3])
            self.weights.append(numpy_helper.from_array(numpy.float32(head ** -0.5), f"scale{self.number}"))
            scores = self.op("Mul", self.op("MatMul", q, k), self.weights[-1].name)
            y = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
            y = self.op("Reshape", self.op("Transpose", y, perm=[0, 2, 1, 3]), self.constant([0, s.tokens, s.width]))
        return self.scaled(self.linear(y, s.width, s.width))

    def mlp(self, x):
        s = self.sizes
        return self.scaled(self.linear(self.op("Gelu", self.linear(x, s.width, s.mlp)), s.mlp, s.width))

    def scaled(self, x):
        return x if self.sizes.classes else self.op("Mul", x, self.weight(self.sizes.width))

    def build(self):
        s = self.sizes
        patches = self.op("Conv", "pixel_values", self.weight(s.width, 3, s.patch, s.patch), self.weight(s.width),
                          kernel_shape=[s.patch] * 2, strides=[s.patch] * 2)
        x = self.op("Transpose", self.op("Reshape", patches, self.constant([0, s.width, -1])), perm=[0, 2, 1])
        batch = self.op("Slice", self.op("Shape", x), self.constant([0]), self.constant([1]))
        shape = self.op("Concat", batch, self.constant([1, s.width]), axis=0)
        x = self.op("Concat", self.op("Expand", self.weight(1, 1, s.width), shape), x, axis=1)
        x = self.op("Add", x, self.weight(1, s.tokens, s.width))
        normed = self.norm(x)
        for _ in range(s.layers):
            x, normed = self.norm_of_sum(x, self.attention(normed))
            x, normed = self.norm_of_sum(x, self.mlp(normed))
        if s.classes:
            token = self.op("Gather", normed, self.constant(0), axis=1)
            self.nodes.append(helper.make_node(
                "Gemm", [token, self.weight(s.width, s.classes), self.weight(s.classes)], ["logits"]))
            name, shape = "logits", ["batch", s.classes]
        else:
            name, shape = normed, ["batch", s.tokens, s.width]
        graph = helper.make_graph(
            self.nodes, "vit",
            [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, s.image, s.image])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)], self.weights)
        return helper.make_model(graph, ir_version=10, opset_imports=[
            helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])


def write(model, fused, path):
    onnx.save(Graph(SIZES[model], fused).build(), path)
