"""The MLP training step in PyTorch, driven by bench/suites/step.mjs: one line of JSON in, one out."""

import time

import numpy as np
import torch
from torch import nn

from lines import serve


def network(rate):
    return nn.Sequential(
        nn.Linear(784, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Dropout(rate),
        nn.Linear(1024, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Dropout(rate),
        nn.Linear(1024, 10),
    )


def load(model, folder):
    names = ["0", "1", "4", "5", "8"]
    for name in names:
        layer = model[int(name)]
        pairs = [("weight", "weight"), ("bias", "bias")] if isinstance(layer, nn.Linear) else [("gamma", "weight"), ("beta", "bias")]
        for ours, theirs in pairs:
            parameter = getattr(layer, theirs)
            values = np.fromfile(f"{folder}/{name}.{ours}", dtype=np.float32).reshape(tuple(parameter.shape))
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(values))


class Bench:
    def setup(self, rate, folder, batch, sets, learningRate, momentum):
        self.model = network(rate)
        load(self.model, folder)
        self.model.train()
        x = np.fromfile(f"{folder}/x", dtype=np.float32).reshape(sets, batch, 784)
        y = np.fromfile(f"{folder}/y", dtype=np.int32).reshape(sets, batch)
        self.batches = [(torch.from_numpy(x[i].copy()), torch.from_numpy(y[i].astype(np.int64))) for i in range(sets)]
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=learningRate, momentum=momentum)
        self.turn = 0
        return {"torch": torch.__version__}

    def step(self):
        x, y = self.batches[self.turn % len(self.batches)]
        self.turn += 1
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def gradients(self, folder):
        """Loss and gradients of the first batch, written beside the inputs."""
        x, y = self.batches[0]
        loss = self.loss(self.model(x), y)
        loss.backward()
        for name, parameter in self.model.named_parameters():
            parameter.grad.numpy().tofile(f"{folder}/peer.{name}")
        return {"loss": loss.item()}

    def run(self, steps, threads):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        total = 0.0
        for _ in range(steps):
            total += self.step()
        return {"seconds": (time.perf_counter() - start) / steps, "loss": total / steps}


serve(Bench())
