"""Random functions of the dialect, as text, with what they compute: see random_functions.py."""
import random

import oracle

BATCH = 2
ELEMENTS = ("f32", "f16", "bf16")


class Value:
    """`shape` is without the batch for an activation, which has a row even where its rank is 2."""

    def __init__(self, name, shape, element, data, activation):
        self.name, self.shape, self.element, self.data = name, tuple(shape), element, data
        self.activation = activation

    @property
    def type(self):
        sizes = ["?"] * self.activation + [str(size) for size in self.shape]
        return f"tensor<{'x'.join(sizes)}x{self.element}>"

    @property
    def width(self):
        return self.shape[-1]


class Function:
    """Grows op by op. Everything follows from the seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        # Three of five have sizes that kernels can be built for, the others whatever is legal.
        self.regular = self.r.random() < 0.6
        self.mixed = self.r.random() < 0.3  # values are stored in types of their own
        self.widths = (8, 16, 24) if self.regular else (1, 3, 5, 8, 12, 16)
        self.lines, self.arguments, self.values, self.outputs = [], [], [], []
        self.keys, self.count, self.products = [], 0, 0
        self.inputs()
        for _ in range(self.r.randint(2, 14)):
            self.r.choice(self.STEPS)(self)
        self.choose_outputs()

    # Text --------------------------------------------------------------------

    def fresh(self):
        self.count += 1
        return f"%v{self.count}"

    def element(self, like="f32"):
        return self.r.choice(ELEMENTS) if self.mixed else like

    def op(self, text, operands, shape, data, activation=True, element=None, types=None):
        """`text` has a {} for each operand; `types` is what comes after the colon, without the result's."""
        value = Value(self.fresh(), shape, element or self.element(), data, activation)
        names = text.format(*(operand.name for operand in operands))
        if types is None:
            types = ", ".join(operand.type for operand in operands)
        arrow = f" : {types} -> {value.type}" if types else f" : {value.type}"
        self.lines.append(f'  {value.name} = vit.{names}{arrow} loc("n{self.count}")')
        if activation:
            self.values.append(value)
        return value

    def text(self):
        arguments = ", ".join(f'{v.name}: {v.type} {{vit.name = "{v.name[1:]}"}}' for v in self.arguments)
        results = ", ".join(f'{v.type} {{vit.name = "y{i}"}}' for i, v in enumerate(self.outputs))
        names = ", ".join(v.name for v in self.outputs)
        types = ", ".join(v.type for v in self.outputs)
        return "\n".join([f"func.func @forward({arguments}) -> ({results}) {{", *self.lines,
                          f"  return {names} : {types}", "}"])

    # Inputs and outputs ------------------------------------------------------

    def inputs(self):
        for i in range(self.r.choice((1, 1, 1, 2, 3))):
            kind = self.r.choice(("tokens", "tokens", "image", "image", "vector"))
            if kind == "image":
                shape = (self.r.randint(1, 3), self.r.choice((2, 4)), self.r.choice((4, 6)))
            else:
                tokens = (self.r.randint(1, 5),) if kind == "tokens" else ()
                shape = (*tokens, self.r.choice(self.widths))
            size = BATCH
            for extent in shape:
                size *= extent
            full = (BATCH, *shape) if kind != "vector" else (BATCH, 1, *shape)
            data = oracle.shaped(oracle.scrambled(f"x{i}", size), full)
            value = Value(f"%x{i}", shape, "f32", data, True)
            self.arguments.append(value)
            self.values.append(value)

    def choose_outputs(self):
        made = [v for v in self.values if v not in self.arguments] or self.values
        for _ in range(self.r.choice((1, 1, 2, 3))):
            late = made[-4:] if self.r.random() < 0.7 else made
            self.outputs.append(self.r.choice(late))

    def pick(self, *ranks, wanted=lambda value: True):
        """A value of one of these ranks, the batch counted; late ones more often. None if there is none."""
        known = [v for v in self.values if len(v.shape) + 1 in ranks and wanted(v)]
        if not known:
            return None
        return self.r.choice(known[-3:] if self.r.random() < 0.6 else known)

    # Weights -----------------------------------------------------------------

    def weight(self, shape, element=None):
        """A tensor of the file, sometimes one that was read before."""
        element = element or self.element()
        key = f"w{len(self.keys)}"
        known = [k for k, s in self.keys if s == shape]
        if known and self.r.random() < 0.2:
            key = self.r.choice(known)
        else:
            self.keys.append((key, shape))
        size = 1
        for extent in shape:
            size *= extent
        data = oracle.shaped(oracle.scrambled(key, size), shape)
        in_file = self.file_shape(key, shape)
        file_shape = "" if in_file == [*shape] else f" file_shape {in_file}"
        return self.op(f'weight "{key}"{file_shape}', [], shape, data, False, element, "")

    @staticmethod
    def file_shape(key, shape):
        return [1, *shape] if int(key[1:]) % 7 == 3 else [*shape]

    def matrix(self, rows, columns, element=None):
        """A weight, or what arithmetic on weights gives."""
        element = element or self.element()
        if self.r.random() < 0.6:
            return self.weight((rows, columns), element)
        return self.r.choice(self.MATRICES)(self, rows, columns, element)

    def sliced(self, rows, columns, element):
        first, more = self.r.randint(0, 3), self.r.randint(0, 2)
        w = self.weight((first + rows + more, columns), element)
        return self.op(f"slice {{}} rows {first}", [w], (rows, columns), w.data[first:first + rows], False,
                       element)

    def stacked(self, rows, columns, element):
        if rows < 2:
            return self.sliced(rows, columns, element)
        first = self.r.randint(1, rows - 1)
        a, b = self.weight((first, columns), element), self.weight((rows - first, columns), element)
        return self.op("concat {}, {}", [a, b], (rows, columns), a.data + b.data, False, element,
                       f"({a.type}, {b.type})")

    def padded(self, rows, columns, element):
        w = self.weight((self.r.randint(1, rows), self.r.randint(1, columns)), element)
        return self.op("pad {}", [w], (rows, columns), oracle.pad(w.data, (rows, columns)), False, element)

    def turned(self, rows, columns, element):
        w = self.weight((columns, rows), element)
        return self.op("permute {} [1, 0]", [w], (rows, columns), oracle.permute(w.data, w.shape, [1, 0]),
                       False, element)

    def regrouped(self, rows, columns, element):
        parts = self.r.choice([i for i in (1, 2, 3, 4) if rows % i == 0])
        flat = self.weight((rows * columns,), element)
        split = (parts, rows // parts, columns)
        w = self.op("reshape {}", [flat], split, oracle.shaped(flat.data, split), False, element)
        order = self.r.choice(([1, 0, 2], [0, 1, 2]))
        data = oracle.permute(w.data, split, order)
        w = self.op(f"permute {{}} [{', '.join(map(str, order))}]", [w], [split[i] for i in order], data,
                    False, element)
        return self.op("reshape {}", [w], (rows, columns), oracle.shaped(oracle.flat(data), (rows, columns)),
                       False, element)

    def scaled_weight(self, rows, columns, element):
        w, factor = self.weight((rows, columns)), self.r.choice((0.5, -1.5, 1.0))
        if self.r.random() < 0.5:
            v = self.weight((rows,))
            data = [[x * a * factor for x in row] for row, a in zip(w.data, v.data)]
            text = f"scale {{}} rows {{}} : {v.type} by {factor}"
        else:
            v = self.weight((columns,))
            data = oracle.by_columns(lambda x, a: x * a * factor, w.data, v.data)
            text = f"scale {{}} columns {{}} : {v.type} by {factor}"
        return self.op(text, [w, v], (rows, columns), data, False, element, w.type)

    def sum_of_weights(self, rows, columns, element):
        w = self.weight((rows, columns))
        if self.r.random() < 0.5:
            v = self.weight((columns,))
            data = oracle.by_columns(lambda x, a: x + a, w.data, v.data)
            return self.op("bias_add {}, {}", [w, v], (rows, columns), data, False, element)
        v = self.weight((rows, columns))
        data = oracle.each(lambda a, b: a + b, w.data, v.data)
        return self.op("add {}, {}", [w, v], (rows, columns), data, False, element)

    def cast_weight(self, rows, columns, element):
        w = self.weight((rows, columns))
        return self.op("cast {}", [w], (rows, columns), w.data, False, element)

    MATRICES = (sliced, stacked, padded, turned, regrouped, scaled_weight, sum_of_weights, cast_weight)

    def vector(self, size):
        if self.r.random() < 0.7:
            return self.weight((size,))
        w = self.matrix(self.r.randint(1, 4), size)
        row = self.r.randrange(w.shape[0])
        return self.op(f"slice {{}} rows {row}", [w], (size,), w.data[row], False, w.element)

    # Steps -------------------------------------------------------------------

    def unary(self):
        x, name = self.pick(2, 3), self.r.choice(list(oracle.UNARY))
        if x:
            self.op(name + " {}", [x], x.shape, oracle.each(oracle.UNARY[name], x.data))

    def scale(self):
        x, factor = self.pick(2, 3), self.r.choice((0.5, -1.25, 1.0))
        if not x:
            return
        if self.r.random() < 0.5:
            self.op(f"scale {{}} by {factor}", [x], x.shape, oracle.each(lambda a: a * factor, x.data))
            return
        v = self.vector(x.width)
        self.op(f"scale {{}} columns {{}} : {v.type} by {factor}", [x, v], x.shape,
                oracle.by_columns(lambda a, b: a * b * factor, x.data, v.data), types=x.type)

    def bias(self, x=None):
        x = x or self.pick(2, 3)
        if x:
            v = self.vector(x.width)
            return self.op("bias_add {}, {}", [x, v], x.shape,
                           oracle.by_columns(lambda a, b: a + b, x.data, v.data))

    def binary(self):
        x = self.pick(2, 3)
        if not x:
            return
        y = self.pick(len(x.shape) + 1, wanted=lambda v: v.shape == x.shape)
        if self.r.random() < 0.7 or self.products == 2:
            self.op("add {}, {}", [x, y], x.shape, oracle.each(lambda a, b: a + b, x.data, y.data))
        else:
            self.products += 1
            self.op("mul {}, {}", [x, y], x.shape, oracle.each(lambda a, b: a * b, x.data, y.data))

    def norm(self):
        x = self.pick(2, 3)
        if not x:
            return
        scale, eps = self.vector(x.width), self.r.choice((1e-5, 1e-3))
        if self.r.random() < 0.5:
            self.op(f"rms_norm {{}}, {{}} eps {eps:.1e}", [x, scale], x.shape,
                    oracle.rms_norm(x.data, scale.data, eps))
            return
        shift = self.vector(x.width)
        self.op(f"layer_norm {{}}, {{}}, {{}} eps {eps:.1e}", [x, scale, shift], x.shape,
                oracle.layer_norm(x.data, scale.data, shift.data, eps))

    def linear(self, x=None, columns=None):
        x = x or self.pick(2, 3)
        if not x:
            return None
        columns = columns or self.r.choice((*self.widths, 7))
        w = self.matrix(columns, x.width, x.element)
        return self.op("linear {}, {}", [x, w], (*x.shape[:-1], columns), oracle.linear(x.data, w.data))

    def projection(self, x, columns, biased):
        """A linear with or without bias, stored as `x` is."""
        mixed, self.mixed = self.mixed, False
        y = self.linear(x, columns)
        self.mixed = mixed
        return self.bias(y) if biased else y

    def attention(self):
        x = self.pick(3, wanted=lambda v: v.element == "f32")
        if not x:
            return
        heads, size = self.r.choice((1, 2)), self.r.choice((16, 24) if self.regular else (1, 3, 8, 16))
        columns, biased = heads * size, self.r.random() < 0.7
        over_batch, kind = self.r.random() < 0.25, self.r.choice(("packed", "separate", "cross", "raw"))
        mixed, self.mixed = self.mixed, False  # operands of one type
        offsets = [0, 0, 0]
        if kind == "packed":
            q = k = v = self.projection(x, 3 * columns, biased)
            offsets = self.r.sample([0, columns, 2 * columns], 3)
        elif kind == "raw":
            q = k = v = x if x.width >= columns else self.projection(x, columns + 8, biased)
            offsets = [self.r.randint(0, q.width - columns) if not self.regular else 0 for _ in range(3)]
        else:
            y = x if kind == "separate" or over_batch else self.pick(3, wanted=lambda v: v.element == "f32")
            source = x
            if kind == "cross" and not over_batch and self.r.random() < 0.4:
                source = self.selected(x)
            q = self.projection(source, columns, biased)
            k, v = self.projection(y, columns, biased), self.projection(y, columns, self.r.random() < 0.7)
        self.mixed = mixed
        scale = self.r.choice((0.25, 0.5, -0.5))
        self.op(f"attention {{}}, {{}}, {{}} heads {heads} head_dim {size} scale {scale} axis "
                f"{'batch' if over_batch else 'tokens'} offsets {offsets}", [q, k, v],
                (*q.shape[:-1], columns),
                oracle.attention(q.data, k.data, v.data, heads, size, scale, over_batch, offsets))

    def prepend(self, x=None):
        x = x or self.pick(3)
        if x:
            tokens = self.matrix(self.r.choice((1, 2)), x.width)
            return self.op("prepend {}, {}", [tokens, x], (tokens.shape[0] + x.shape[0], x.width),
                    [tokens.data + image for image in x.data])

    def position(self, x=None):
        x = x or self.pick(3)
        if x:
            table = self.matrix(*x.shape)
            return self.op("position {}, {}", [x, table], x.shape,
                    [oracle.each(lambda a, b: a + b, image, table.data) for image in x.data])

    def broadcast(self):
        tokens = self.matrix(self.r.choice((1, 1, 3)), self.r.choice(self.widths))
        single = tokens.shape[0] == 1 and self.r.random() < 0.7
        self.op("broadcast {}", [tokens], tokens.shape[single:], [tokens.data] * BATCH)

    def selected(self, x):
        token = self.r.randrange(x.shape[0])
        return self.op(f"select {{}} token {token}", [x], (x.width,), [[image[token]] for image in x.data])

    def select(self):
        x = self.pick(3)
        if x:
            self.selected(x)

    def patchify(self):
        x = self.pick(4)
        if not x:
            return None
        height, width = self.r.choice((1, 2)), self.r.choice((1, 2))
        lead = self.r.choice((0, 0, 0, 2))
        rows = lead + x.shape[1] // height * (x.shape[2] // width)
        columns = x.shape[0] * height * width + self.r.choice((0, 0, 0, 3))
        unfold = self.r.random() < 0.5
        return self.op(f"patchify {{}} {'unfold' if unfold else 'conv'} [{height}, {width}]"
                       f"{f' lead {lead}' if lead else ''}", [x], (rows, columns),
                       oracle.patchify(x.data, unfold, height, width, lead, columns))

    def embedding(self):
        """What vit-fold-tokens looks for, and its neighbours."""
        x = self.patchify()
        if not x:
            return
        x = self.linear(x, self.r.choice(self.widths))
        if self.r.random() < 0.7:
            x = self.bias(x)
        self.position(self.prepend(x) if self.r.random() < 0.9 else x)
        if self.r.random() < 0.2:
            self.unary()  # of one of them, perhaps

    STEPS = (unary, unary, scale, bias, binary, binary, norm, linear, linear, attention, attention, prepend,
             position, broadcast, select, select, patchify, embedding)
