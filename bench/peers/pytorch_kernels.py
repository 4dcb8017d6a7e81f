"""Single operations in PyTorch, driven by bench/suites/kernels.mjs: one line of JSON in, one out."""

import time

import numpy as np
import torch
from torch.nn import functional as F

from lines import serve


def images(x, layout):
    """[batch, channels, height, width] as PyTorch has it, in either memory format."""
    if layout == "channelsLast":
        return x.permute(0, 3, 1, 2)  # the file is [batch, height, width, channels]
    return x


def memory(y, layout):
    """The numbers in the order of the file."""
    if layout == "channelsLast":
        y = y.permute(0, 2, 3, 1)
    return y.contiguous().detach().numpy()


class Bench:
    def setup(self, folder, operation, shapes, layout=None, relu=False, rate=None, sets=1):
        self.folder, self.operation, self.layout, self.relu, self.rate = folder, operation, layout, relu, rate
        self.sets = [self.read(shapes, index) for index in range(sets)]
        self.turn = 0
        if operation.endswith("Backward"):
            self.graphs = [self.forward(inputs) for inputs in self.sets]
        return {"torch": torch.__version__}

    def read(self, shapes, index):
        inputs = {}
        for name, shape in shapes.items():
            tensor = torch.from_numpy(np.fromfile(f"{self.folder}/{name}.{index}", dtype=np.float32).reshape(shape))
            if name in ("x", "dy") and len(shape) == 4:
                tensor = images(tensor, self.layout)
            inputs[name] = tensor.requires_grad_(name != "dy" and self.operation.endswith("Backward"))
        return inputs

    def forward(self, inputs):
        kind = self.operation.removesuffix("Backward").removesuffix("Forward")
        if kind == "batchNorm":
            channels = inputs["gamma"].shape[0]
            y = F.batch_norm(inputs["x"], torch.zeros(channels), torch.ones(channels), inputs["gamma"], inputs["beta"], True, 0.1, 1e-5)
            return F.relu(y) if self.relu else y
        if kind == "dropout":
            return F.dropout(inputs["x"], self.rate, True)
        if kind == "weightNorm":
            return torch._weight_norm(inputs["v"], inputs["g"], 0)
        if kind == "linear":
            return F.linear(inputs["a"], inputs["b"])
        if kind == "matmul":
            return torch.matmul(inputs["a"], inputs["b"])
        if kind == "matmulTransposed":
            return torch.matmul(inputs["a"].t(), inputs["b"])
        raise ValueError(kind)

    def once(self):
        index = self.turn % len(self.sets)
        self.turn += 1
        inputs = self.sets[index]
        if not self.operation.endswith("Backward"):
            with torch.no_grad():
                return [self.forward(inputs)]
        wanted = [value for name, value in inputs.items() if name != "dy"]
        return torch.autograd.grad(self.graphs[index], wanted, inputs["dy"], retain_graph=True)

    def results(self):
        """Of the first set, into files beside the inputs."""
        self.turn = 0
        for index, result in enumerate(self.once()):
            memory(result, self.layout if result.dim() == 4 else None).tofile(f"{self.folder}/peer.{index}")
        return {}

    def run(self, times, threads):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        for _ in range(times):
            self.once()
        return {"seconds": (time.perf_counter() - start) / times}


serve(Bench())
