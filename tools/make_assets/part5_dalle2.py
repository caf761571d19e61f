"""What Part 5 shows of DALL-E 2."""

import torch as t

import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import solutions.part5_systems as part5
import utils
from tools.make_assets.files import as_bytes, save, write
from tools.make_assets.part4 import save_listener


def clip(n_steps: int = 2000) -> None:
    t.manual_seed(0)
    model = part5.train_clip(part5.clip_config(n_steps))
    save("clip.pt", t.nn.ModuleList([model]))
    images, tokens = part5.captioned(train=False)
    print(
        f"top 1: {part5.retrieval(model, images, tokens):.3f}, top 5: {part5.retrieval(model, images, tokens, 5):.3f}"
    )


def decoder(n_steps: int = part4.listener_config()["n_steps"], seed: int = 0, name: str = "decoder.pt") -> None:
    """Train the decoder on the embeddings of the shipped encoders."""
    t.manual_seed(seed)
    config = part4.listener_config() | {"n_steps": n_steps}
    model = part5.train_decoder(config, part3.shipped_model(), part5.load_clip())
    save_listener(name, model)


def draw(model: part4.Listener, wanted: t.Tensor, w: float, n_steps: int = 50) -> t.Tensor:
    """A sample for each row of wanted (N, ...), always from the same random numbers."""
    samples = []
    with utils.fork_rng():
        t.manual_seed(0)
        for some in wanted.split(250):
            guided = part4.Guided(model, some, model.null, w)
            samples.append(part3.ddim_sample(guided, len(some), n_steps))
    return t.cat(samples)


def detour(n_samples: int = 1000, weights: tuple[float, ...] = (2.0,)) -> None:
    """The honest table: pictures drawn from the captions of test images, in four ways, and the images themselves."""
    model, decoder, (every, tokens) = part5.load_clip(), part5.load_decoder(), part5.captioned(train=False)
    images, tokens = every[:n_samples], tokens[:n_samples]
    seen, read = part5.embed(model.of_images, images), part5.embed(model.of_captions, tokens)
    every = part5.embed(model.of_images, every)
    t.manual_seed(0)
    prior = part5.train_prior(part5.prior_config(), model)
    t.manual_seed(0)
    painter = part4.continue_from(part3.shipped_model(), part4.make_caption_model())
    config = part4.caption_config() | dict(n_steps=2500)  # the decoder's training is not longer either
    painter = part4.train_listener(painter, config, *part4.captioned_clothes())
    told = {
        "true embedding": (decoder, seen),
        "prior": (decoder, part5.draw_embeddings(prior, read)),
        "caption's embedding": (decoder, read),
        "caption, directly": (painter, tokens),
    }
    rows, pictures = [], {"the images": as_bytes(images[:10])}
    rows.append({"told": "the images themselves"} | measure(model, images, tokens, read))
    print(rows[-1], flush=True)
    for name, (network, wanted) in told.items():
        for w in weights:
            samples = draw(network, wanted, w)
            rows.append({"told": name, "w": w} | measure(model, samples, tokens, read))
            if wanted.is_floating_point():
                rows[-1]["embedding_distance"] = round(part3.frechet_distance(wanted, every), 2)
            pictures[f"{name}, w = {w:g}"] = as_bytes(samples[:10])
            print(rows[-1], flush=True)
    write("detour.json", {"rows": rows})
    t.save(pictures, utils.ASSETS / "detour.pt")


def measure(model: part5.Clip, samples: t.Tensor, tokens: t.Tensor, read: t.Tensor) -> dict[str, float]:
    """Distance; the share of captions that RULES find again, whole and their class; how well CLIP thinks they fit;
    variety within a caption."""
    found = part4.obeyed(part5.words_of(tokens), samples)
    features = part3.features_of(samples)
    same = tokens.unique(dim=0, return_inverse=True)[1].cpu()
    spread = [features[same == k].var(dim=0).sum() for k in same.unique() if (same == k).sum() > 10]
    fit = t.nn.functional.cosine_similarity(part5.embed(model.of_images, samples), read).mean()
    return {
        "distance": round(part3.frechet_distance(features, part3.features_of_test_images()), 2),
        "class": round(found["class"], 3),
        "all_words": round(found["all"], 3),
        "fit": round(fit.item(), 3),
        "variety": round(t.stack(spread).mean().item(), 2) if spread else 0.0,
    }
