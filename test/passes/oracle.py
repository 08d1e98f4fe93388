"""What the ops of the dialect mean, in plain lists of floats: written from the descriptions of dialect/VitOps.td, not from the
reference interpreter, which the tests compare with it.

A weight is a list (or a list of lists, ...). An activation is a list of images: each a list of rows, or for
pixels a list of channels of rows. One of rank 2 has one row in each image.
"""
import math
from operator import mul


def scrambled(name, count):
    """Numbers in [-1, 1) from a name. run-functions.cpp makes the same."""
    state = 1469598103934665603
    for c in name.encode():
        state = (state ^ c) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    values = []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        values.append((state >> 11) / 4503599627370496 - 1)
    return values


def shaped(values, shape):
    """Nested lists of `values` in row-major order."""
    if len(shape) < 2:
        return list(values) if shape else values[0]
    step = len(values) // shape[0]
    return [shaped(values[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]


def flat(values):
    if not isinstance(values, list):
        return [values]
    return [x for part in values for x in flat(part)]


# Elements ---------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


UNARY = {
    "gelu erf": lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))),
    "gelu tanh": lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "gelu quick": lambda x: x * sigmoid(1.702 * x),
    "relu": lambda x: max(x, 0.0),
    "silu": lambda x: x * sigmoid(x),
    "tanh": math.tanh,
    "cast": lambda x: x,
}


def each(function, *values):
    """`function` of elements in the same place."""
    if not isinstance(values[0], list):
        return function(*values)
    return [each(function, *parts) for parts in zip(*values)]


def by_columns(function, x, vector):
    """`function` of each element and that of `vector` in its column."""
    if not isinstance(x[0], list):
        return [function(a, b) for a, b in zip(x, vector)]
    return [by_columns(function, part, vector) for part in x]


# Rows -------------------------------------------------------------------------


def linear(x, weight):
    return [[[sum(map(mul, row, column)) for column in weight] for row in image] for image in x]


def layer_norm(x, scale, shift, eps):
    return [[norm_row(row, math.fsum(row) / len(row), scale, shift, eps) for row in image] for image in x]


def rms_norm(x, scale, eps):
    return [[norm_row(row, 0, scale, [0] * len(row), eps) for row in image] for image in x]


def norm_row(row, mean, scale, shift, eps):
    centred = [value - mean for value in row]
    deviation = math.sqrt(math.fsum(value * value for value in centred) / len(row) + eps)
    return [value / deviation * a + b for value, a, b in zip(centred, scale, shift)]


def attend(query, keys, values, scale):
    scores = [scale * sum(map(mul, query, key)) for key in keys]
    most = max(scores)
    powers = [math.exp(score - most) for score in scores]
    total = math.fsum(powers)
    return [sum(map(mul, powers, column)) / total for column in zip(*values)]


def attention(query, key, value, heads, size, scale, over_batch, offsets):
    def head(row, operand, h):
        begin = offsets[operand] + h * size
        return row[begin:begin + size]

    result = []
    for b, image in enumerate(query):
        rows = []
        for t, row in enumerate(image):
            out = []
            for h in range(heads):
                others = [(k[t], v[t]) for k, v in zip(key, value)] if over_batch else zip(key[b], value[b])
                pairs = [(head(k, 1, h), head(v, 2, h)) for k, v in others]
                out += attend(head(row, 0, h), [k for k, _ in pairs], [v for _, v in pairs], scale)
            rows.append(out)
        result.append(rows)
    return result


# Tokens -----------------------------------------------------------------------


def patchify(images, unfold, height, width, lead, columns):
    return [[[0.0] * columns for _ in range(lead)] +
            [row + [0.0] * (columns - len(row)) for row in patches(image, unfold, height, width)]
            for image in images]


def patches(image, unfold, height, width):
    down, across = len(image[0]) // height, len(image[0][0]) // width

    def patch(channel, i, j):
        return [image[channel][i * height + y][j * width + x] for y in range(height) for x in range(width)]

    places = [(i, j) for i in range(down) for j in range(across)]
    channels = range(len(image))
    if not unfold:
        return [[x for c in channels for x in patch(c, i, j)] for i, j in places]
    everything = [x for c in channels for i, j in places for x in patch(c, i, j)]
    size = len(everything) // len(places)
    return [everything[i * size:(i + 1) * size] for i in range(len(places))]


def permute(weight, shape, order):
    def at(index):
        value = weight
        for i in index:
            value = value[i]
        return value

    def build(index):
        if len(index) == len(order):
            place = [0] * len(order)
            for i, dimension in zip(index, order):
                place[dimension] = i
            return at(place)
        return [build(index + [i]) for i in range(shape[order[len(index)]])]

    return build([])


def pad(weight, shape):
    if not shape:
        return weight
    rows = [pad(part, shape[1:]) for part in weight]
    return rows + [zeros(shape[1:]) for _ in range(shape[0] - len(rows))]


def zeros(shape):
    return [zeros(shape[1:]) for _ in range(shape[0])] if shape else 0.0
