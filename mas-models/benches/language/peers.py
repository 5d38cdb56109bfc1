"""Times transformers and torch on the jobs of `main.rs`: their versions, then an object for each job, in lines of JSON.

The model has the shape of SmolLM2-135M, random weights in 32 bits, and the tokens that it is given here. The arguments are
the rows and tokens that are read, the tokens that are generated, and the rows and tokens of a piece that is learned from.
"""

import json
import sys
import time
import warnings
from importlib.metadata import version

import torch
from transformers import LlamaConfig, LlamaForCausalLM

warnings.filterwarnings("ignore")
ROWS, LENGTH, GENERATED, PIECES, PIECE = map(int, sys.argv[1:])
TIMES = 3


def tokens(rows, length, vocabulary):
    return torch.tensor([[(row * 7919 + at * 104_729) % vocabulary for at in range(length)] for row in range(rows)])


def report(job, count, work):
    """The fastest of a few times, after one that is not counted."""
    work()
    fastest = float("inf")
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        fastest = min(fastest, time.perf_counter() - begun)
    print(json.dumps({"job": job, "tokens": count, "seconds": fastest}), flush=True)


def learned(model, from_layer):
    """A step of AdamW on the mean cross-entropy of next tokens, gradients brought down to a norm of 1."""
    for name, parameter in model.named_parameters():
        layer = int(name.split(".")[2]) if ".layers." in name else None
        learns = from_layer is None or (layer is not None and layer >= from_layer) or name == "model.norm.weight"
        parameter.requires_grad_(learns)
    own = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(own, lr=1e-5, weight_decay=0.0)
    batch = tokens(PIECES, PIECE, model.config.vocab_size)

    def step():
        model(input_ids=batch, labels=batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(own, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


def main():
    print(json.dumps(f"transformers {version('transformers')}, torch {version('torch')}"), flush=True)
    torch.manual_seed(1)
    config = LlamaConfig(
        hidden_size=576,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        intermediate_size=1536,
        vocab_size=49_152,
        max_position_embeddings=8192,
        rope_theta=100_000.0,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = LlamaForCausalLM(config).to(torch.float32).eval()
    read = tokens(ROWS, LENGTH, config.vocab_size)
    prompt = tokens(2, 8, config.vocab_size)[1:]
    with torch.inference_mode():
        report("read", ROWS * LENGTH, lambda: model(input_ids=read).logits)
        generate = lambda: model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=GENERATED,
            min_new_tokens=GENERATED,
            do_sample=False,
            use_cache=True,
        )
        report("generated, one prompt", GENERATED, generate)
    model.train()
    count = PIECES * (PIECE - 1)
    report("learned from, everything", count, learned(model, None))
    report("learned from, the upper half", count, learned(model, 15))


main()
