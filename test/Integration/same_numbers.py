"""same_numbers.py A B: two texts are the same but for the rounding of the numbers in them (1e-4 of the largest)."""

import sys

a, b = (open(path).read().split() for path in sys.argv[1:3])
if len(a) != len(b):
    sys.exit(f"same_numbers: {len(a)} and {len(b)} words")
largest = max([abs(float(w)) for w in a[4:]] or [1.0])
worst = 0.0
for i, (x, y) in enumerate(zip(a, b)):
    if x != y:
        try:
            worst = max(worst, abs(float(x) - float(y)))
        except ValueError:
            sys.exit(f"same_numbers: word {i} is {x} and {y}")
if not worst <= 1e-4 * largest:
    sys.exit(f"same_numbers: differ by {worst} where the largest is {largest}")
