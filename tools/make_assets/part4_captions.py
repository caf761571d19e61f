"""What Part 4 shows of captions."""

import random
from typing import Any

import torch as t

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
from tools.make_assets.files import write
from tools.make_assets.part4 import save_listener

BATCH = 250


def captions(
    n_steps: int = part4.caption_config()["n_steps"], seed: int = 0, name: str = "captions.pt", **changes: Any
) -> None:
    """Train as the notebook does with FULL=1, but for these changes of its settings."""
    t.manual_seed(seed)
    config = part4.caption_config() | dict(n_steps=n_steps) | changes
    model = part4.continue_from(part3.shipped_model(), part4.make_caption_model())
    save_listener(name, part4.train_listener(model, config, *part4.captioned_clothes()))


def obeyed(
    n_samples: int = 2000,
    n_steps: int = 50,
    weights: str = "captions.pt",
    name: str = "obeyed",
    guidance: tuple[float, ...] = (1.0, 3.0),
) -> None:
    """How often each word is obeyed, beside real images, other captions, and what was held out of the training."""
    model = part4.load_listener(part4.make_caption_model(), weights)
    images, labels = part3.clothes(train=False)[:n_samples], part4.labels_of(train=False)[:n_samples]
    asked = part4.captions_of(images, labels)
    unseen, unseen_images = held_out_clothes(n_samples)
    rows = {"real images": part4.obeyed(asked, images), "held out: real images": part4.obeyed(unseen, unseen_images)}
    for w in guidance:
        drawn = draw(model, asked, w, n_steps)
        rows[f"w = {w:g}"] = part4.obeyed(asked, drawn)
        far = part3.frechet_distance(part3.features_of(drawn), part3.features_of_test_images())
        print(f"w = {w:g}, distance {far:.1f}", rows[f"w = {w:g}"], flush=True)
        if w == 3:
            rows["other captions, w = 3"] = part4.obeyed(random.Random(0).sample(asked, len(asked)), drawn)
            rows["held out: w = 3"] = part4.obeyed(unseen, draw(model, unseen, w, n_steps))
            print("held out", rows["held out: w = 3"], flush=True)
        rounded = {row: {word: round(share, 3) for word, share in shares.items()} for row, shares in rows.items()}
        write(f"{name}.json", {"rows": rounded})


def held_out_clothes(n_images: int) -> tuple[list[str], t.Tensor]:
    """Captions and images that were held out of the training."""
    images, labels = part3.clothes(), part4.labels_of()
    words = part4.attributes_of(images, labels)
    rows = [row for row, label in enumerate(labels.tolist()) if part4.is_held_out(label, words[row])]
    rows = random.Random(0).sample(rows, min(n_images, len(rows)))
    return part4.captions_of(images[rows], labels[rows]), images[rows]


@t.no_grad()
def draw(model: part4.Listener, captions: list[str], w: float, n_steps: int) -> t.Tensor:
    """One image for each caption, always from the same random numbers."""
    t.manual_seed(0)
    parts = [captions[i : i + BATCH] for i in range(0, len(captions), BATCH)]
    return t.cat([part4.draw_captions(model, part, w, n_steps) for part in parts])


def faithful(n_alike: int = 40, n_steps: int = 50, weights: str = "captions.pt", name: str = "faithful") -> None:
    """From drawings noised to n: how far samples are from their drawing, and from real images of the drawn classes."""
    model = part4.load_listener(part4.make_caption_model(), weights)
    drawings = part1.normalize_img(part2.drawn_clothes()).to(model.null.device).repeat_interleave(n_alike, dim=0)
    labels = part4.labels_of(train=False).cpu()
    real = part3.features_of_test_images()[t.isin(labels, t.tensor(part4.DRAWN))]
    wanted = part4.tokens([part4.caption(label, []) for label in part4.DRAWN]).to(model.null.device)
    model, rows = part4.Guided(model, wanted.repeat_interleave(n_alike, dim=0), model.null, 1.0), []
    asked = t.tensor(part4.DRAWN).repeat_interleave(n_alike)
    for n in range(100, 1001, 100):
        t.manual_seed(0)
        drawn = part4.start_from(model, drawings, n, n_steps)
        change = (drawn - drawings).square().mean().item()
        seen = (part3.classes_of(drawn) == asked).float().mean().item()
        far = part3.frechet_distance(part3.features_of(drawn), real)
        rows.append({"n": n, "change": round(change, 3), "class": round(seen, 3), "distance": round(far, 1)})
        print(rows[-1], flush=True)
    far = part3.frechet_distance(part3.features_of(drawings), real)
    write(f"{name}.json", {"rows": rows, "distance of the drawings": round(far, 1)})
