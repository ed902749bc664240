"""The saliency network as a graph of OpenVINO, built from its weights alone, without PyTorch.

A conversion of the PyTorch module would import PyTorch in each process, which takes longer and more
memory than OpenVINO itself. The layers are those of :mod:`.model`, where they are described.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import openvino
import openvino.opset13 as op
from numpy.typing import NDArray
from openvino import Node

from ..mobilenet_stages import blocks
from .objects import TAPS as FACE_TAPS
from .options import SaliencyOptions

Floats = NDArray[np.float32]
Feature = tuple[Node, int]
"""Features ``(1, C, H / s, W / s)``, and their stride s."""


def build(state: Mapping[str, Floats], options: SaliencyOptions) -> openvino.Model:
    """Build the graph of a network.

    Its input is an image ``(1, H, W, 3)`` uint8, both sides divisible by ``options.multiple``. Its
    outputs are the density of gaze ``(1, 1, H / 4, W / 4)``; and the maps of the heads beside it,
    ``(1, C, H / 8, W / 8)``, if there are any: those of :class:`.scene.SceneMaps` one after the
    other, or those of :class:`.faces.FaceHead`.

    Args:
        state: the parameters by name.
        options: the architecture.

    Raises:
        ValueError: the sides of the input may be no multiple of the trunk's stride.
        KeyError: a parameter is absent.
    """
    if options.multiple % options.output_stride:
        raise ValueError(f"sides of multiples of {options.multiple} at {options.output_stride}")
    return _Graph(state, options).model()


class _Graph:
    def __init__(self, state: Mapping[str, Floats], options: SaliencyOptions) -> None:
        self.state, self.options = state, options

    def model(self) -> openvino.Model:
        o = self.options
        image = op.parameter([1, -1, -1, 3], np.uint8, "image")
        pixels = op.convert(image, np.float32)
        normal = op.subtract(op.multiply(pixels, _constant(1 / 127.5)), _constant(1.0))
        features = self.trunk(op.transpose(normal, np.array([0, 3, 1, 2])))
        wide = self.rounds(self.recurrent(self.neck(features)))
        fine = None if o.detail is None else features[o.detail][0]
        sides = op.gather(op.shape_of(image), np.array([1, 2]), np.array(0))
        results = [self.density(self.readout(wide, fine), op.divide(sides, np.array(4)))]
        taps = [features[tap][0] for tap in FACE_TAPS]
        if o.scene is not None:
            results.append(self.scene(taps, wide))
        elif o.faces is not None:
            results.append(self.faces(taps))
        return openvino.Model(results, [image], "saliency")

    def convolved(
        self, x: Node, name: str, *, stride: int = 1, dilation: int = 1, clipped: bool = False
    ) -> Node:
        """Convolve as :class:`~deepcrop.networks.mobilenet.Conv2dSame` does on even sides."""
        weight = self.state[f"{name}.weight"]
        kernel = weight.shape[-1]
        reach = dilation * (kernel - 1) // 2
        before, after = (0, kernel - stride) if stride > 1 else (reach, reach)
        around = ([stride] * 2, [before] * 2, [after] * 2, [dilation] * 2)
        if weight.shape[1] == 1 and weight.shape[0] > 1:  # depthwise
            y = op.group_convolution(x, weight[:, None], *around)
        else:
            y = op.convolution(x, weight, *around)
        bias = self.state.get(f"{name}.bias")
        if bias is not None:
            y = op.add(y, bias.reshape(1, -1, 1, 1))
        return op.clamp(y, 0.0, 6.0) if clipped else y

    def trunk(self, x: Node) -> dict[int, Feature]:
        """Return the outputs of the trunk's blocks by index."""
        x = self.convolved(x, "trunk.blocks.0.0", stride=2, clipped=True)
        found = {0: (x, 2)}
        for index, block in enumerate(blocks(self.options.output_stride), 1):
            if index > max(*self.options.taps, *FACE_TAPS):
                break
            name, y, layer = f"trunk.blocks.{index}.conv", x, 0
            if block.expansion != 1:
                y, layer = self.convolved(y, f"{name}.0.0", clipped=True), 1
            y = self.convolved(
                y,
                f"{name}.{layer}.0",
                stride=block.stride,
                dilation=block.dilation,
                clipped=True,
            )
            y = self.convolved(y, f"{name}.{layer + 1}")
            x = op.add(x, y) if block.stride == 1 and block.inputs == block.outputs else y
            found[index] = x, block.reached
        return found

    def neck(self, features: Mapping[int, Feature]) -> Node:
        last, stride = features[max(self.options.taps)]
        joined: Node | None = None
        for index, tap in enumerate(self.options.taps):
            x, own = features[tap]
            y = self.convolved(x, f"neck.{index}")
            y = y if own == stride else _resized(y, _sides(last))
            joined = y if joined is None else op.add(joined, y)
        return op.relu(joined)

    def recurrent(self, x: Node) -> Node:
        """Run :class:`.sam.AttentiveConvLSTM`."""
        seen = self.convolved(x, "recurrent.attend_input")
        h = c = None
        for _ in range(self.options.steps):
            known = seen if h is None else op.add(seen, self._state(h, "attend_state"))
            energy = self.convolved(op.tanh(known), "recurrent.attend")
            gates = self.convolved(op.multiply(_attention(energy), x), "recurrent.gates_input")
            if h is not None:
                gates = op.add(gates, self._state(h, "gates_state"))
            i, f, o, g = op.split(gates, np.array(1), 4).outputs()
            fresh = op.multiply(op.sigmoid(i), op.tanh(g))
            c = fresh if c is None else op.add(op.multiply(op.sigmoid(f), c), fresh)
            h = op.multiply(op.sigmoid(o), op.tanh(c))
        return h

    def _state(self, h: Node, name: str) -> Node:
        return self.convolved(h, f"recurrent.{name}")

    def rounds(self, x: Node) -> Node:
        """Run both :class:`.sam.PriorRound`."""
        for index in range(2):
            name = f"rounds.{index}"
            both = op.concat([x, self.priors(_sides(x), f"{name}.priors")], 1)
            x = op.relu(self.convolved(both, f"{name}.mix", dilation=self.options.dilation))
        return x

    def priors(self, sides: Node, name: str) -> Node:
        """Return :class:`.sam.GaussianPriors` ``(1, count, H, W)``."""
        centre = self.state[f"{name}.centre"]
        count = len(centre)
        sigma = np.broadcast_to(np.exp(self.state[f"{name}.log_sigma"]), (count, 2))
        lengths = op.split(op.convert(sides, np.float32), np.array(0), 2).outputs()

        def along(axis: int, length: Node, shape: list[int]) -> Node:
            end = op.squeeze(length, np.array(0))
            cells = op.range(_constant(0.0), end, _constant(1.0), "f32")
            places = op.divide(op.add(cells, _constant(0.5)), length)
            off = op.subtract(op.reshape(places, np.array(shape), False), _column(centre[:, axis]))
            scaled = op.divide(off, _column(sigma[:, axis]))
            return op.exp(op.multiply(op.multiply(scaled, scaled), _constant(-0.5)))

        down = along(1, lengths[0], [1, 1, -1, 1])
        across = along(0, lengths[1], [1, 1, 1, -1])
        return op.multiply(down, across)

    def readout(self, wide: Node, fine: Node | None) -> Node:
        """Run :class:`.sam.Readout`."""
        x = wide
        if fine is not None:
            x = _resized(self.convolved(x, "readout.reduce"), _sides(fine))
            x = op.relu(op.add(x, self.convolved(fine, "readout.detail")))
            x = op.relu(self.convolved(x, "readout.refine"))
        return self.convolved(x, "readout.score")

    def density(self, score: Node, sides: Node) -> Node:
        """Return the map ``(1, 1, H / 4, W / 4)`` of a score."""
        score = _resized(score, sides)
        if self.options.readout == "softmax":
            flat = op.softmax(op.reshape(score, np.array([1, -1]), False), 1)
            score = op.reshape(flat, op.shape_of(score), False)
        else:
            score = op.relu(score)
        sigma = self.options.blur / 4
        if sigma <= 0:
            return score
        radius = math.ceil(3 * sigma)
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        kernel = (kernel / kernel.sum()).astype(np.float32)
        around = np.array([0, 0, radius, radius])
        padded = op.pad(score, around, around, "symmetric")
        fixed = ([1, 1], [0, 0], [0, 0], [1, 1])
        rows = op.convolution(padded, kernel.reshape(1, 1, 1, -1), *fixed)
        return op.convolution(rows, kernel.reshape(1, 1, -1, 1), *fixed)

    def scene(self, features: Sequence[Node], context: Node) -> Node:
        """Run :class:`.scene.SceneHead`; return its maps one after the other."""
        fine, coarse = self._projected(features, "scene")
        deep = op.relu(op.add(coarse, self.convolved(context, "scene.context")))
        deep = op.add(deep, op.relu(self.convolved(deep, "scene.coarse", dilation=2)))
        return self._mixed(fine, deep, "scene")

    def faces(self, features: Sequence[Node]) -> Node:
        """Run :class:`.faces.FaceHead`."""
        return self._mixed(*self._projected(features, "faces"), "faces")

    def _projected(self, features: Sequence[Node], head: str) -> tuple[Node, Node]:
        fine, *coarse = (
            self.convolved(each, f"{head}.project.{index}") for index, each in enumerate(features)
        )
        return fine, op.add(*coarse)

    def _mixed(self, fine: Node, deep: Node, head: str) -> Node:
        x = op.relu(op.add(fine, _resized(deep, _sides(fine))))
        for index, dilation in enumerate((1, 2)):
            mixed = self.convolved(x, f"{head}.mix.{index}", dilation=dilation)
            x = op.add(x, op.relu(mixed))
        return self.convolved(x, f"{head}.read")


def _constant(value: float) -> Node:
    return op.constant(np.float32(value))


def _column(values: Floats) -> Node:
    return op.constant(np.ascontiguousarray(values, np.float32).reshape(1, -1, 1, 1))


def _sides(x: Node) -> Node:
    """Return height and width of ``(1, C, H, W)``."""
    return op.gather(op.shape_of(x), np.array([2, 3]), np.array(0))


def _resized(x: Node, sides: Node) -> Node:
    """Resize as :func:`.sam.resize` does."""
    return op.interpolate(
        x, sides, "linear_onnx", "sizes", coordinate_transformation_mode="half_pixel", axes=[2, 3]
    )


def _attention(energy: Node) -> Node:
    """Return the softmax over the positions of ``(1, 1, H, W)``, scaled to a mean of 1."""
    flat = op.softmax(op.reshape(energy, np.array([1, -1]), False), 1)
    count = op.convert(op.reduce_prod(_sides(energy), np.array([0])), np.float32)
    return op.multiply(op.reshape(flat, op.shape_of(energy), False), count)
