"""Make what lies in solutions/assets/, small pictures, weights and results. It takes the time that it says."""

import argparse

from tools.make_assets import (
    diagrams,
    part2,
    part3,
    part4,
    part4_captions,
    part5_dalle2,
    part5_imagen,
    part5_latent,
    readme,
)

COMMANDS = {  # each function, what it makes, and how long that takes on two CPU cores
    readme.readme: "noise that becomes 64 clothes, docs/clothes.png: half a minute",
    readme.exercise: "a wrong answer and its check, docs/exercise.png, with Chromium: half a minute",
    diagrams.diagrams: "the diagrams of the text, into notebooks/images: a moment",
    part2.drawn: "the eight drawn clothes of Part 2: a moment",
    part2.parts: "what each part of the U-Net is for: seven minutes on one CPU core",
    part3.classifier: "the judge of images: four minutes on two CPU cores",
    part3.features: "the test images as the classifier sees them: ten seconds",
    part3.plain: "samples of Part 1's training, 25,600 images long: three minutes",
    part3.clothes: "the whole training of Part 3, and its curves: ten to twenty minutes",
    part3.ten_minutes: "what ten minutes of training bring, three times: an hour",
    part3.samples: "2,000 samples of that model, as the classifier sees them: three minutes",
    part3.samplers: "the distance of each sampler: ten minutes",
    part3.ablation: "what each change brings, twice: three hours and a half",
    part4.labels: "the model of Part 4 that listens to labels: four minutes",
    part4.guidance: "what guidance does to 2,000 samples: half an hour",
    part4_captions.captions: "the model of Part 4 that listens to captions: a quarter of an hour",
    part4_captions.obeyed: "how often it obeys each word: half an hour",
    part4_captions.faithful: "drawings, noised and drawn anew: ten to twenty minutes",
    part5_latent.autoencoder: "Part 5's codes of images: four minutes",
    part5_latent.latents: "the model of these codes: eight minutes",
    part5_dalle2.clip: "Part 5's encoders of images and captions: a minute",
    part5_dalle2.decoder: "the model of Part 4's kind that draws what an embedding says: four minutes",
    part5_dalle2.detour: "1,000 pictures by each of four ways from a caption, measured: fifteen minutes",
    part5_imagen.imagen_base: "its text encoder, and the model of small images: eight minutes",
    part5_imagen.imagen_larger: "the model that enlarges them: eight minutes",
    part5_imagen.imagen: "what both make together, measured: fifteen minutes",
    part5_latent.flow: "the same network on straight paths, measured: ten minutes",
}

commands = {make.__name__: make for make in COMMANDS}
listed = "\n".join(f"  {make.__name__:18}{what}" for make, what in COMMANDS.items())
parser = argparse.ArgumentParser(
    prog="python -m tools.make_assets",
    description=f"{__doc__}\n\n{listed}",
    formatter_class=argparse.RawDescriptionHelpFormatter,
)
parser.add_argument("what", choices=commands, metavar="what")
commands[parser.parse_args().what]()
