#!/usr/bin/env python3
"""A step of training CLIP with PyTorch, as tests/bench/bench_train takes it.

usage: scripts/peers/train_step.py [NAME PART]

Prints samples/s of the best step and the memory that the process took for the
model, gradients, moments and activations.  Needs torch and transformers;
without them it says so and is done.
"""
import os
import resource
import sys
import time

try:
    import torch
    from transformers import CLIPConfig, CLIPModel
except ImportError as e:
    print(f"skip: no PyTorch to compare with ({e})")
    sys.exit(0)

# name, side, batch, places, tokens, vocabulary, then of each tower width, ffn,
# layers, heads; patch
KINDS = [
    ("ViT-B/32, full texts", 224, 32, 77, 77, 49408,
     (768, 3072, 12, 12), (512, 2048, 12, 8), 32, 512),
    ("tiny, short texts", 64, 128, 16, 8, 1000,
     (128, 512, 4, 4), (128, 512, 2, 4), 8, 128),
]


def tower(width, ffn, layers, heads, **more):
    return dict(hidden_size=width, intermediate_size=ffn, num_hidden_layers=layers,
                num_attention_heads=heads, hidden_act="gelu", **more)


def build(side, places, vocab, vision, text, patch, dim):
    c = CLIPConfig(
        text_config=tower(*text, vocab_size=vocab, max_position_embeddings=places,
                          bos_token_id=vocab - 2, eos_token_id=vocab - 1),
        vision_config=tower(*vision, image_size=side, patch_size=patch),
        projection_dim=dim)
    return CLIPModel(c).train()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def bench(name, side, batch, places, tokens, vocab, *shape):
    torch.manual_seed(0)
    before = resident()
    model = build(side, places, vocab, *shape)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.98))
    x = torch.rand(batch, 3, side, side) - 0.5
    ids = torch.randint(0, vocab - 2, (batch, places))
    for b in range(batch):
        ids[b, min(tokens - 4 + b % 9, places) - 1] = vocab - 1
    best, steps, start = 1e30, 0, time.time()
    while steps < 5 or time.time() - start < 10:
        t = time.time()
        model(input_ids=ids, pixel_values=x, return_loss=True).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=False)
        best, steps = min(best, time.time() - t), steps + 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"  {name:32} {batch / best:8.1f} samples/s, took {(peak - before) / 1e6:.0f} MB, "
          f"{torch.get_num_threads()} threads")


def main():
    for kind in KINDS:
        if len(sys.argv) > 1 and sys.argv[1] not in kind[0]:
            continue
        # Each in a process of its own: the peak of memory is a process's.
        pid = os.fork()
        if not pid:
            bench(*kind)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(pid, 0)


main()
