#!/usr/bin/env python3
"""A picture of what speed.py measured.

  plot.py SPEED.json -o OUT.svg [--device "NVIDIA H200"]

Images a second of vitc over those of PyTorch's best, for each model and batch; 1 is level. Needs matplotlib.
"""
import argparse
import json

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # pylint: disable=wrong-import-position

COLORS = {1: "#1b6ca8", 8: "#3ba99c", 32: "#e3a72f", 128: "#c8553d"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speed")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--device", default="NVIDIA H200")
    arguments = parser.parse_args()
    with open(arguments.speed, encoding="utf-8") as file:
        rows = [row for row in json.load(file) if "pruned" in row]
    models = list(dict.fromkeys(row["model"] for row in rows))
    batches = sorted({row["batch"] for row in rows})
    plt.rcParams.update({"svg.hashsalt": "vitc", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(figsize=(9, 0.9 + 0.24 * len(rows)))
    place, ticks = 0.0, []
    for model in models:
        of = {row["batch"]: row for row in rows if row["model"] == model}
        first = place
        for batch in batches:
            if batch not in of:
                continue
            row = of[batch]
            best = min(row[how] for how in ("eager", "graph", "compiled") if how in row)
            axes.barh(place, best / row["pruned"], color=COLORS.get(batch, "#777777"), height=0.85)
            axes.text(max(best / row["pruned"], 1 if best > 0.85 * row["pruned"] else 0) + 0.02, place, f"{row['pruned'] / 1e3:.2f} ms", va="center", fontsize=8)
            place += 1
        ticks.append(((first + place - 1) / 2, model))
        place += 0.6
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks])
    axes.invert_yaxis()
    axes.set_xlabel(f"images a second over PyTorch's best, f16, {arguments.device}")
    axes.legend(handles=[plt.Rectangle((0, 0), 1, 1, color=COLORS.get(batch, "#777777")) for batch in batches],
                labels=[f"batch {batch}" for batch in batches], loc="lower center", bbox_to_anchor=(0.5, 1),
                ncols=len(batches), frameon=False)
    axes.set_xlim(0, 1.12 * axes.get_xlim()[1])
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(arguments.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
