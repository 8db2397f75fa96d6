#!/usr/bin/env python3
"""Train the demo's model with PyTorch on the demo's streams, for comparison.

usage: scripts/peers/train_torch.py demo/train.mmt demo/test.mmt MODEL [EPOCHS]

Needs torch, transformers and numpy; nothing of mmtool needs this script. The
same model (transformers.CLIPModel with MODEL/config.json, MODEL being what
`mmtool train --arch clip --preset tiny` writes), data, batch,
optimiser, schedule and random shift; prints samples/s and recall.
"""
import json
import math
import struct
import sys
import time

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel

DTYPES = {"F32": np.float32, "I64": np.int64, "I32": np.int32, "U8": np.uint8}


def columns(path, wanted):
    """Dense columns of a tensor stream, all segments joined."""
    data, at, out = open(path, "rb").read(), 0, {k: [] for k in wanted}
    while at < len(data):
        (n,) = struct.unpack_from("<Q", data, at)
        header, at = json.loads(data[at + 8 : at + 8 + n]), at + 8 + n
        end = at
        for name, t in header.items():
            if name == "__metadata__":
                continue
            a, b = t["data_offsets"]
            end = max(end, at + b)
            if name in wanted:
                x = np.frombuffer(data[at + a : at + b], DTYPES[t["dtype"]])
                out[name].append(x.reshape(t["shape"]))
        at = end
    return {k: torch.from_numpy(np.concatenate(v)) for k, v in out.items()}


MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


def pixels(x):
    return (x.float() / 255 - MEAN) / STD


def shifted(x, s, rng):
    """Each picture moved by up to s pixels, the border repeated."""
    x = torch.nn.functional.pad(x.float(), (s, s, s, s), mode="replicate")
    side = x.shape[-1] - 2 * s
    out = []
    for p in x:
        dy, dx = rng.integers(0, 2 * s + 1, 2)
        out.append(p[:, dy : dy + side, dx : dx + side])
    return torch.stack(out)


def recall(model, d):
    model.eval()
    with torch.no_grad():
        o = model(input_ids=d["ids"].long(), pixel_values=pixels(d["image"]),
                  attention_mask=d["mask"].long())
    z, n = o.logits_per_image, len(d["ids"])
    for name, m in (("image to text", z), ("text to image", z.T)):
        rank = (m > m.diagonal()[:, None]).sum(1)
        print(name, *(f"R@{k} {(rank < k).float().mean():.3f}" for k in (1, 5, 10)))
    model.train()
    return n


def main():
    train = columns(sys.argv[1], ["image", "ids", "mask"])
    test = columns(sys.argv[2], ["image", "ids", "mask"])
    epochs = int(sys.argv[4]) if len(sys.argv) > 4 else 30
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = CLIPModel(CLIPConfig.from_pretrained(sys.argv[3])).train()
    decay = [p for p in model.parameters() if p.ndim >= 2]
    rest = [p for p in model.parameters() if p.ndim < 2]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1},
                             {"params": rest, "weight_decay": 0.0}],
                            lr=1e-3, betas=(0.9, 0.98), eps=1e-6)
    n, batch = len(train["ids"]), 128
    steps = epochs * (n // batch)
    warmup, step, start = steps // 20, 0, time.time()
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(n))
        for b in range(n // batch):
            i = order[b * batch : (b + 1) * batch]
            x = pixels(shifted(train["image"][i], 4, rng))
            o = model(input_ids=train["ids"][i].long(), pixel_values=x,
                      attention_mask=train["mask"][i].long(), return_loss=True)
            o.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            done = (step - warmup) / max(1, steps - warmup)
            f = (step + 1) / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * done))
            for g in opt.param_groups:
                g["lr"] = 1e-3 * f
            opt.step()
            opt.zero_grad()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(100))
            step += 1
    wall = time.time() - start
    print(f"{step * batch / wall:.0f} samples/s, {wall:.1f} s, "
          f"{torch.get_num_threads()} threads")
    recall(model, test)


main()
