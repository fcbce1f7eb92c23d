"""Writes train.npz and valid.npz, the scans that train.py uses, for `nacre train`.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python data.py

Each file has `picture`, f32[N,1,8,8], grey value / 16, and `label`, i64[N]. The last 360 scans are held out, in one
piece, as in train.py.
"""

import pathlib

import numpy as np
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent
HELD_OUT = 360


def main():
    data = load_digits()
    pictures = (data.images / 16).astype(np.float32)[:, None]
    labels = data.target.astype(np.int64)
    for name, rows in (("train", slice(None, -HELD_OUT)), ("valid", slice(-HELD_OUT, None))):
        np.savez_compressed(HERE / f"{name}.npz", picture=pictures[rows], label=labels[rows])
        print(f"{name}.npz: {len(labels[rows])} scans")


if __name__ == "__main__":
    main()
