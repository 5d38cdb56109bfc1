"""Times one Python package for similarity on the files in a folder: a JSON object for each job on standard output.

`job` is the measure's name in mas-metrics, or `reference` for the ten measures of the reference implementation of Model
Alignment Search, which are written out below as it computes them. Files are read, and packages imported, beforehand.
"""

import importlib
import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
FOLDER = Path(sys.argv[1])


def load(size):
    return [np.load(FOLDER / f"{size}-{side}.npy").astype(np.float64) for side in "ab"]


def best(work):
    """The best of at least three runs, and as many as a second has room for: CPU and wall seconds, and the value."""
    started, runs, cpu, wall, value = time.perf_counter(), 0, float("inf"), float("inf"), None
    while runs < 3 or time.perf_counter() - started < 1:
        begin_cpu, begin_wall = time.process_time(), time.perf_counter()
        value = work()
        cpu = min(cpu, time.process_time() - begin_cpu)
        wall = min(wall, time.perf_counter() - begin_wall)
        runs += 1
    return cpu, wall, float(value)


def report(peer, job, size, work):
    cpu, wall, value = best(work)
    line = {"peer": peer, "job": job, "size": size, "cpu": cpu, "wall": wall, "value": value}
    print(json.dumps(line), flush=True)


def reference(a, b):
    """Ten measures under the reference implementation's conventions; gives the first."""
    import torch
    from scipy.stats import pearsonr, spearmanr

    def zscored(x):
        return (x - x.mean(0)) / x.std(0)

    def distances(x, kind):
        if kind == "l2":
            return torch.cdist(x, x)
        unit = x / x.norm(dim=1, keepdim=True)
        return 1 - unit @ unit.T

    def hsic(k, l):
        h = torch.eye(len(k), dtype=k.dtype) - 1 / len(k)
        return torch.trace(h @ k @ h @ h @ l @ h)

    views = [torch.from_numpy(x) for x in (a, b)]
    values = []
    for kind in ("cos", "l2"):
        k, l = (distances(zscored(x), kind) for x in views)
        values.append(hsic(k, l) / torch.sqrt(hsic(k, k) * hsic(l, l)))
    lower = torch.tril_indices(len(a), len(a))
    for scale in (lambda x: x, zscored):
        for kind in ("cos", "l2"):
            k, l = (distances(scale(x), kind)[lower[0], lower[1]].numpy() for x in views)
            values += [spearmanr(k, l)[0], pearsonr(k, l)[0]]
    return values[0]


def with_rsatoolbox(peer):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    a, b = (Dataset(x) for x in load("large"))

    def rsa(distance, correlation):
        return lambda: compare(calc_rdm(a, method=distance), calc_rdm(b, method=distance), method=correlation)[0, 0]

    report(peer, "rsa_euclidean_spearman", "large", rsa("euclidean", "spearman"))
    report(peer, "rsa_correlation_pearson", "large", rsa("correlation", "corr"))
    report(peer, "rsa_euclidean_kendall", "large", rsa("euclidean", "tau-b"))


def with_ckatorch(peer):
    import torch
    from ckatorch.core import cka_base

    a, b = (torch.from_numpy(x) for x in load("large"))
    report(peer, "cka_linear", "large", lambda: cka_base(a, b))
    report(peer, "cka_linear_debiased", "large", lambda: cka_base(a, b, unbiased=True))


def with_pytorch_cka(peer):
    import torch
    from cka import cka_from_features

    a, b = (torch.from_numpy(x) for x in load("large"))
    report(peer, "cka_linear_debiased", "large", lambda: cka_from_features(a, b))


def with_repsim(peer):
    import repsim

    views = load("large")
    report(peer, "cka_linear", "large", lambda: repsim.cka(views, kernel_type="linear", estimator="gretton")[0, 1])
    report(peer, "cka_rbf", "large", lambda: repsim.cka(views, kernel_type="rbf", estimator="gretton")[0, 1])
    report(peer, "pwcca", "large", lambda: repsim.pwcca(views)[0, 1])


def with_netrep(peer):
    from netrep.metrics import LinearMetric

    a, b = load("large")
    report(peer, "procrustes_angular", "large", lambda: LinearMetric(alpha=1.0).fit_score(a, b))


def with_torch_and_scipy(peer):
    report(peer, "reference", "small", lambda: reference(*load("small")))


PEERS = {
    "torch": ("torch", with_torch_and_scipy),
    "rsatoolbox": ("rsatoolbox", with_rsatoolbox),
    "ckatorch": ("ckatorch", with_ckatorch),
    "pytorch-cka": ("cka", with_pytorch_cka),
    "repsim": ("repsim", with_repsim),
    "netrep": ("netrep", with_netrep),
}

distribution = sys.argv[2]
module, work = PEERS[distribution]
try:
    importlib.import_module(module)
except ImportError:
    print(json.dumps({"peer": distribution, "missing": "is not installed"}))
else:
    work(f"{distribution} {version(distribution)}")
