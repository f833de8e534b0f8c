#!/usr/bin/env python3
"""Trains the fixture models on drawn digits and writes them as ONNX (opset 13), then prints their test accuracy.

Usage: /usr/bin/python3 scripts/train-fixtures.py [NAME…]    (needs python3-torch, python3-onnx, python3-numpy;
a few minutes on one core). Run scripts/make-digits.py first: the accuracy printed is that of the trained model on its
test set. fixtures/fixtures.test.ts measures the ONNX file as written, with onnxruntime.

The graphs are written node by node, not traced, so that batch norm, Pad, Slice and friends stay in the file.
Every model takes x = pixel / 255, shape [batch, 1, 28, 28].
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

import digit_images

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TRAIN_SEED, TRAIN_COUNT, TORCH_SEED = 7, 24000, 11


class GraphWriter:
    """Collects nodes and initializers; every method returns the name of the tensor it makes."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], {}

    def constant(self, name, value):
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op, inputs, outputs=1, name=None, **attributes):
        self.count[op] = self.count.get(op, 0) + 1
        name = name or f"{op}_{self.count[op]}"
        names = [f"{name}_out" if outputs == 1 else f"{name}_out{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, layer, name):
        (ph, pw), (kh, kw) = layer.padding, layer.kernel_size
        inputs = [x, self.constant(f"{name}.weight", layer.weight)]
        if layer.bias is not None:
            inputs.append(self.constant(f"{name}.bias", layer.bias))
        return self.node(
            "Conv", inputs, name=name, kernel_shape=[kh, kw], strides=list(layer.stride), pads=[ph, pw, ph, pw],
            dilations=list(layer.dilation), group=layer.groups,
        )  # fmt: skip

    def batch_norm(self, x, layer, name):
        parts = (("weight", layer.weight), ("bias", layer.bias), ("mean", layer.running_mean), ("var", layer.running_var))
        inputs = [x, *(self.constant(f"{name}.{part}", value) for part, value in parts)]
        return self.node("BatchNormalization", inputs, name=name, epsilon=layer.eps)

    def gemm(self, x, layer, name):
        inputs = [x, self.constant(f"{name}.weight", layer.weight), self.constant(f"{name}.bias", layer.bias)]
        return self.node("Gemm", inputs, name=name, transB=1)

    def save(self, path, output, shape, batch):
        self.nodes[-1].output[0] = output
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 1, 28, 28])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, *shape])],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="he-compile fixtures")
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(path))


class DigitsCnn(nn.Module):
    """Conv, ReLU, AveragePool, Conv, batch norm, ReLU, Flatten, Gemm: the stock small CNN. Symbolic batch."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5, stride=2)
        self.conv2 = nn.Conv2d(4, 8, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        x = F.avg_pool2d(F.relu(self.conv1(x)), 2)
        return self.fc(F.relu(self.bn2(self.conv2(x))).flatten(1))

    def write(self, path):
        g = GraphWriter()
        x = g.node("Relu", [g.conv("input", self.conv1, "conv1")], name="relu1")
        x = g.node("AveragePool", [x], name="pool1", kernel_shape=[2, 2], strides=[2, 2])
        x = g.node("Relu", [g.batch_norm(g.conv(x, self.conv2, "conv2"), self.bn2, "bn2")], name="relu2")
        g.gemm(g.node("Flatten", [x], name="flatten", axis=1), self.fc, "fc")
        g.save(path, "logits", [10], "batch")


class DigitsSquare(nn.Module):
    """Conv, square (Mul of a tensor with itself), Flatten, Gemm: three levels. Batch fixed at 1."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 5, stride=2)
        self.fc = nn.Linear(576, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.fc((x * x).flatten(1))

    def write(self, path):
        g = GraphWriter()
        x = g.conv("input", self.conv, "conv")
        x = g.node("Flatten", [g.node("Mul", [x, x], name="square")], name="flatten", axis=1)
        g.gemm(x, self.fc, "fc")
        g.save(path, "logits", [10], 1)


class DigitsResidual(nn.Module):
    """Many operators: ReLU6, depthwise conv, SiLU, residual Add, MaxPool, Pad, Slice, Concat, Softmax."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.pointwise = nn.Conv2d(4, 4, 1)
        self.narrow = nn.Conv2d(2, 4, 3, padding=1)
        self.last = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu6(self.bn1(self.conv1(x)))  # [4, 14, 14]
        x = x + self.pointwise(F.silu(self.depthwise(x)))
        x = F.pad(F.max_pool2d(x, 2), (0, 1, 0, 1))  # [4, 8, 8]
        x = torch.cat([F.relu(self.narrow(x[:, :2])), x[:, 2:]], dim=1)  # [6, 8, 8]
        return self.fc(F.relu(self.last(x)).flatten(1))  # logits: Softmax is part of the file, not of the training

    def write(self, path):
        g = GraphWriter()
        x = g.batch_norm(g.conv("input", self.conv1, "conv1"), self.bn1, "bn1")
        limits = [g.constant("zero", np.float32(0)), g.constant("six", np.float32(6))]
        x = g.node("Clip", [x, *limits], name="relu6")
        d = g.conv(x, self.depthwise, "depthwise")
        d = g.node("Mul", [d, g.node("Sigmoid", [d], name="sigmoid")], name="silu")
        x = g.node("Add", [x, g.conv(d, self.pointwise, "pointwise")], name="residual")
        x = g.node("MaxPool", [x], name="maxpool", kernel_shape=[2, 2], strides=[2, 2])
        x = g.node("Pad", [x, g.constant("pads", np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64))], name="pad")
        axes = g.constant("channel_axis", np.array([1], np.int64))
        ends = [g.constant(f"at{i}", np.array([i], np.int64)) for i in (0, 2, 4)]
        first = g.node("Slice", [x, ends[0], ends[1], axes], name="slice_first")
        second = g.node("Slice", [x, ends[1], ends[2], axes], name="slice_second")
        first = g.node("Relu", [g.conv(first, self.narrow, "narrow")], name="relu_narrow")
        x = g.node("Concat", [first, second], name="concat", axis=1)
        x = g.node("Relu", [g.conv(x, self.last, "last")], name="relu_last")
        x = g.gemm(g.node("Flatten", [x], name="flatten", axis=1), self.fc, "fc")
        g.node("Softmax", [x], name="softmax", axis=1)
        g.save(path, "probabilities", [10], "batch")


class SegmentSquare(nn.Module):
    """Image to map [1, 12, 12]: the stroke's coverage, before noise, seen through 4 x 4 windows. Batch fixed at 1."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5, stride=2)
        self.conv2 = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x):
        x = self.conv1(x)
        return self.conv2(x * x)

    def write(self, path):
        g = GraphWriter()
        x = g.conv("input", self.conv1, "conv1")
        g.conv(g.node("Mul", [x, x], name="square"), self.conv2, "conv2")
        g.save(path, "map", [1, 12, 12], 1)


MODELS = {
    "digits-cnn": (DigitsCnn, 12),
    "digits-square": (DigitsSquare, 12),
    "digits-residual": (DigitsResidual, 14),
    "segment-square": (SegmentSquare, 12),
}


def target_map(ink):
    """What segment-square learns: mean coverage of the 4 x 4 windows, two pixels apart, that start at pixel (1, 1)."""
    return F.avg_pool2d(ink[:, :, 1:27, 1:27], 4, stride=2)


def train(model, epochs, images, labels, ink):
    to_map = isinstance(model, SegmentSquare)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    batches = len(images) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=epochs * batches)
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(images)).split(64)[:batches]:
            y = model(images[batch])
            loss = F.mse_loss(y, target_map(ink[batch])) if to_map else F.cross_entropy(y, labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() / batches
        print(f"  epoch {epoch + 1}: loss {total:.5f}", file=sys.stderr)
    return model.eval()


def report(name, model):
    """Accuracy on fixtures/digits-test.npy; for segment-square the correlation with the windows of the image itself."""
    images = torch.from_numpy(np.load(FIXTURES / "digits-test.npy")).float() / 255
    labels = np.load(FIXTURES / "digits-test-labels.npy")
    with torch.no_grad():
        outputs = model(images).numpy()
    if name == "segment-square":
        windows = target_map(images).numpy()
        print(f"{name}: correlation {np.corrcoef(outputs.ravel(), windows.ravel())[0, 1]:.4f}", flush=True)
    else:
        print(f"{name}: accuracy {100 * (outputs.argmax(1) == labels).mean():.1f} %", flush=True)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, labels, ink = (torch.from_numpy(part) for part in digit_images.make(TRAIN_COUNT, TRAIN_SEED))
    images = images.float() / 255
    for name in sys.argv[1:] or MODELS:
        make, epochs = MODELS[name]
        torch.manual_seed(TORCH_SEED)
        model = train(make(), epochs, images, labels, ink)
        model.write(FIXTURES / f"{name}.onnx")
        report(name, model)


if __name__ == "__main__":
    main()
